#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "checkers/check.h"
#include "checkers/explanation.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// Whether a target file or a campaign may have such a key, by the published schema.
bool is_key_of_a_file(const nlohmann::json& schema, const std::string& key) {
    const std::size_t dot = key.find('.');
    const std::string section = key.substr(0, dot);
    const nlohmann::json& definitions = schema.at("definitions");
    if (dot == std::string::npos) return definitions["target"]["properties"].contains(section);
    const nlohmann::json& of_target = definitions["target"]["properties"];
    const nlohmann::json& object = definitions.contains(section)
                                       ? definitions[section]
                                       : of_target.value(section, nlohmann::json::object());
    return object.contains("properties") && object["properties"].contains(key.substr(dot + 1));
}

/// For each check, evidence that it finds violated: one story, or one for each way to be wrong.
std::map<std::string, std::vector<EvidenceBuilder>> violations() {
    const auto two_of_one = [] { return storm(1).grant("a", "1").grant("b", "2"); };
    const auto refused_early = [] { return storm(2).refuse("a").refuse("b").sold(1); };
    const auto paid = [] { return storm(9).row("a", "1").cents(100).row("b", "2").cents(100); };
    const auto envelopes = [] { return storm(2).budget(100); };
    std::map<std::string, std::vector<EvidenceBuilder>> stories;
    stories["oversell"] = {two_of_one().rows(2, "u", 1), storm(1).rows(2, "u", 1)};
    stories["promised_oversell"] = {two_of_one(), two_of_one().claims_unreadable("gone")};
    stories["duplicate_users"] = {storm(9).rows(1, "u", 1).row("u0", "2")};
    stories["lost_claims"] = {storm(9).sold(1).grant("x", "8"),
                              storm(9).sold(1).grant("x", "8").grant("y", "9").backlog(1),
                              storm(9).grant("a", "1").row("a", "2").grant("b", "2").row("b", "1")};
    stories["phantom_claims"] = {storm(9).sold(1).refuse("x").row("x", "8"),
                                 storm(9).sold(1).row("stranger", "8")};
    stories["cache_drift"] = {storm(9).sold(1).cache(3), storm(9).sold(1).cache(9)};
    stories["user_set_drift"] = {storm(9).sold(1).cache_users({"u0", "x"}),
                                 storm(9).sold(2).cache_users({"u0"}),
                                 storm(9).sold(1).lose_reply("x").cache_users({"u0", "x"})};
    stories["database_drift"] = {storm(9).sold(1).remaining(9), storm(9).sold(1).remaining(3)};
    stories["sold_out_flag"] = {storm(9).sold(1).sold_out(true), storm(1).sold(1).sold_out(false)};
    stories["false_sold_out"] = {refused_early(), refused_early().cache(0),
                                 refused_early().cache(1),
                                 refused_early().refuse("t", Outcome::throttled)};
    stories["undersell"] = {refused_early()};
    stories["over_decrement"] = {storm(1).cache(-1), storm(1).sold(2).cache(-1),
                                 storm(1).claims_unreadable("gone").cache(-1)};
    stories["amounts"] = {envelopes().row("a", "1").cents(101), envelopes().row("a", "1").cents(0),
                          envelopes().grant("a", "1").told_cents(1).row("a", "1").cents(2)};
    stories["payouts"] = {
        paid().payout("1", 100), paid().payout("1", 100).payout("1", 100).payout("2", 100),
        paid().payout("1", 100).payout("2", 100).payout("3", 100),
        paid().payout("1", 100).payout("2", 99), paid().payout("1", 100).payout("2", 100, "a")};
    stories["tickets"] = {storm(9).row("a", "1").ticket(1).row("b", "2").ticket(1),
                          storm(9).row("a", "1").ticket(10)};
    stories["stuck_lock"] = {storm(9).locks({}, {{"lock", -1}}),
                             storm(9).locks({{"lock", -1}}, {{"lock", -1}}),
                             storm(9).locks({{"lock", 50}}, {{"lock", 70}})};
    stories["claim_order"] = {refused_early(),
                              storm(9).refuse("a").refuse("a").lose_reply("b").row("b", "1")};
    stories["live_balance"] = {storm(9).sold(3).backlog(0).sample(3001, 3002, 0).queued(0),
                               storm(1).refuse("r").sample(1001, 1002, 1),
                               storm(1).refuse("r").sample(1001, 1002, 2)};
    stories["linearizable"] = {
        refused_early(), storm(9).grant("a", "1").grant("a", "2"),
        storm(1).grant("a", "1").refuse("b", Outcome::already_claimed).refuse("b")};
    stories["tickets"].push_back(storm(9).row("a", "1").ticket(1).row("b", "2").ticket(3));
    stories["tickets"].back().raw().campaign.gap_free_tickets = true;
    EvidenceBuilder unspent = storm(1).budget(100).row("a", "1").cents(99);
    unspent.raw().campaign.whole_budget = true;
    stories["amounts"].push_back(unspent);
    EvidenceBuilder jumped = storm(9).grant("a", "1").told_ticket(2).grant("b", "2").told_ticket(1);
    jumped.change_last([](Attempt& attempt) { ++attempt.sent_ns; });
    jumped.raw().campaign.ordered_tickets = true;
    stories["claim_order"].push_back(jumped);
    return stories;
}

}  // namespace

TEST_CASE("each check is explained in plain words, with all that an engineer asks") {
    for (const Check& check : all_checks()) {
        INFO(check.name);
        const Explanation& explanation = check.explanation();
        std::vector<std::string_view> parts = {explanation.property, explanation.violated,
                                               explanation.owed, explanation.next};
        CHECK_FALSE(explanation.signs.empty());
        for (const Sign& sign : explanation.signs) {
            parts.push_back(sign.seen);
            parts.push_back(sign.names);
        }
        CHECK_FALSE(explanation.evidence.empty());
        for (const NamedEvidence& named : explanation.evidence) parts.push_back(named.use);
        for (const std::string_view part : parts) {
            INFO(part);
            CHECK(part.size() > 5);
            CHECK(part.back() != '.');
            CHECK(part.front() != ' ');
            CHECK(part.find("  ") == std::string_view::npos);
        }
        CHECK(std::set<std::string_view>(parts.begin(), parts.end()).size() == parts.size());
    }
    // No two checks share an explanation.
    std::set<const Explanation*> explanations;
    for (const Check& check : all_checks()) explanations.insert(&check.explanation());
    CHECK(explanations.size() == all_checks().size());
}

TEST_CASE("the evidence that an explanation asks for are keys that files may have") {
    std::ifstream file(CLAIMSTORM_SOURCE_DIR "/scenarios/scenario.schema.json");
    const nlohmann::json schema = nlohmann::json::parse(file);
    for (const Check& check : all_checks()) {
        for (const NamedEvidence& named : check.explanation().evidence) {
            INFO(check.name << ": " << named.key);
            CHECK(is_key_of_a_file(schema, std::string(named.key)));
        }
    }
    CHECK_FALSE(is_key_of_a_file(schema, "mysql.claim"));
    CHECK_FALSE(is_key_of_a_file(schema, "outcome"));
}

TEST_CASE("each violated finding ends with what to look at next") {
    for (const auto& [check, stories] : violations()) {
        for (std::size_t i = 0; i < stories.size(); ++i) {
            INFO(check << ", story " << i);
            const Finding finding = run_checks(stories[i], {check}).front();
            INFO(finding.summary);
            REQUIRE(finding.verdict == Verdict::violated);
            REQUIRE_FALSE(finding.diagnosis.empty());
            CHECK(finding.diagnosis.back() ==
                  "next: " + std::string(find_check(check)->explanation().next));
            // Of linearizable the summary says what is impossible; the others name a cause.
            const bool is_named = finding.diagnosis.size() > 1;
            const bool may_be_bare =
                check == "linearizable" || check == "over_decrement" || check == "false_sold_out";
            CHECK((is_named || may_be_bare));
        }
    }
    CHECK(violations().size() == all_checks().size());
}

TEST_CASE("each sign that a figure shows is told when that figure shows it") {
    const auto stories = violations();
    for (const Check& check : all_checks()) {
        for (const Sign& sign : check.explanation().signs) {
            if (sign.figure.empty()) continue;
            INFO(check.name << ": " << sign.seen);
            bool is_told = false;
            for (const EvidenceBuilder& story : stories.at(std::string(check.name))) {
                const Finding finding = run_checks(story, {std::string(check.name)}).front();
                const Figures seen = figures(finding);
                const auto figure = seen.find(std::string(sign.figure));
                if (figure == seen.end()) continue;
                const std::string line = std::string(sign.seen) + " (" +
                                         std::to_string(std::abs(figure->second)) +
                                         "): " + std::string(sign.names);
                const auto& lines = finding.diagnosis;
                const bool is_here = std::find(lines.begin(), lines.end(), line) != lines.end();
                CHECK(is_here == (sign.below_zero ? figure->second < 0 : figure->second > 0));
                is_told |= is_here;
            }
            CHECK(is_told);
        }
    }
}

TEST_CASE("what a counter, a mark or a set names is told apart") {
    const auto line = [](const EvidenceBuilder& story, const std::string& check) {
        return run_checks(story, {check}).front().diagnosis.front();
    };
    EvidenceBuilder refused = storm(2).refuse("a").sold(1);
    CHECK(line(EvidenceBuilder(refused).cache(0), "false_sold_out") ==
          "the cache says 0, and 1 unit left: units leaked to failed or doubled claims, and the "
          "counter refuses for ever; see cache_drift");
    CHECK(line(EvidenceBuilder(refused).cache(1), "false_sold_out") ==
          "the cache still offers 1 unit: the refusal came from elsewhere, a segment that was "
          "empty while others were not, or a sold-out mark set too early");
    CHECK(line(storm(1).sold(1).cache(-2), "over_decrement") ==
          "no more rows than stock: every refused claim burns one, so that units given back later "
          "are swallowed");
    CHECK(line(storm(1).sold(2).cache(-1), "over_decrement") ==
          "1 row beyond the stock, and the cache is 1 below zero: the counter was asked and not "
          "obeyed");
    CHECK(line(storm(1).sold(1).sold_out(false), "sold_out_flag") ==
          "not marked although nothing is left: the step 'at zero, mark it' was skipped because "
          "the counter jumped over zero, or a stale object overwrote the mark");
    CHECK(line(storm(2).sold(1).sold_out(true), "sold_out_flag") ==
          "marked sold out with units left (1): the mark was set from the cache's counter before "
          "the units came back, or by a claim that failed afterwards");
    CHECK(line(storm(9).row("a", "1").row("b", "2").payout("1", 100), "payouts") ==
          "unpaid (1): the payout died between the claim and the transfer and nothing tries again; "
          "look for a worker that acknowledges first");
}

}  // namespace claimstorm::test
