#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("as many promises as stock are kept promises, one more is one too many") {
    const Finding full = check_promised_oversell(storm(3).sold(3));
    CHECK(full.check == "promised_oversell");
    CHECK(full.verdict == Verdict::holds);
    CHECK(full.summary == "3 promises for a stock of 3");

    const Finding over = check_promised_oversell(storm(3).grants(5, "u", 1));
    CHECK(over.verdict == Verdict::violated);
    CHECK(over.strength == Strength::definite);
    CHECK(over.summary == "5 promises for a stock of 3: 2 too many");
    CHECK(over.witness_count == 2);
}

TEST_CASE("every figure of promised_oversell is its own") {
    const Finding finding = check_promised_oversell(storm(9)
                                                        .old_row("old", "100")
                                                        .grants(11, "u", 1)
                                                        .grant("u0", "1")  // a replay
                                                        .grant("x")
                                                        .grant("x")  // replays, perhaps
                                                        .grant("x")
                                                        .lose_reply("y")
                                                        .attempt("z", Outcome::pending)
                                                        .refuse("z"));
    CHECK(figures(finding) == Figures{{"stock", 9},
                                      {"rows_before", 1},
                                      {"promised", 12},
                                      {"excess", 4},
                                      {"maybe_replays", 2},
                                      {"indeterminate", 2}});
    CHECK(finding.summary ==
          "12 promises for a stock of 9 of which 1 were gone before: 4 too many");
}

TEST_CASE("rows from before the storm leave less to promise") {
    CHECK(check_promised_oversell(storm(3).old_row("a").grants(2, "u", 1)).verdict ==
          Verdict::holds);
    CHECK(check_promised_oversell(storm(3).old_row("a").grants(3, "u", 1)).verdict ==
          Verdict::violated);
}

TEST_CASE("a campaign oversold before the storm is no fault of a storm that promised nothing") {
    const Finding finding = check_promised_oversell(storm(1).old_row("a").old_row("b").refuse("u"));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(figures(finding).at("excess") == 0);
}

TEST_CASE("the same claim id told again to the same user is one promise") {
    CHECK(check_promised_oversell(storm(1).grant("a", "7").grant("a", "7")).verdict ==
          Verdict::holds);
    CHECK(check_promised_oversell(storm(1).grant("a", "7").grant("a", "8")).verdict ==
          Verdict::violated);
    CHECK(check_promised_oversell(storm(1).grant("a", "7").grant("b", "7")).verdict ==
          Verdict::violated);
}

TEST_CASE("a user who held rows before may have been told of the old one") {
    // Two old rows cover two of the three answers; the third is a new promise.
    const Finding finding = check_promised_oversell(
        storm(9).old_row("a", "1").old_row("a", "2").grant("a", "1").grant("a", "2").grant("a",
                                                                                           "3"));
    CHECK(figures(finding).at("promised") == 1);
    CHECK(figures(finding).at("maybe_replays") == 2);
}

TEST_CASE("old rows excuse the promises of their own user alone") {
    const Finding finding = check_promised_oversell(
        storm(4).grants(2, "u", 1).old_row("z", "8").old_row("z", "9").grant("z", "9"));
    CHECK(figures(finding).at("promised") == 2);
    CHECK(figures(finding).at("maybe_replays") == 1);
}

TEST_CASE("the promises answered last are the ones too many") {
    auto story = storm(2).grant("a", "1").grant("b", "2").grant("c").grant("d", "4");
    story.raw().history.attempts.update(
        0, [](Attempt& a) { a.done_ns = 1'000'000; });  // a was answered last
    const Finding finding = check_promised_oversell(story);
    CHECK(sentences(finding) ==
          std::vector<std::string>{"d was told granted, claim 4, as number 3 (attempt 3)",
                                   "a was told granted, claim 1, as number 4 (attempt 0)"});
    CHECK(finding.witnesses[0].user == "d");
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{3});
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"4"});
}

TEST_CASE("a promise without a claim id is named by its attempt alone") {
    const Finding finding = check_promised_oversell(storm(0).grant("a"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was told granted as number 1 (attempt 0)"});
    CHECK(finding.witnesses[0].claim_ids.empty());
}

TEST_CASE("many promises beyond the stock are named in the order in which they were told") {
    auto story = storm(40);
    std::vector<std::uint64_t> beyond(60);
    for (TimeNs i = 0; i < 100; ++i) {
        const TimeNs rank = i * 37 % 100;  // each once, in disorder
        story.grant("u" + std::to_string(i), std::to_string(i));
        story.change_last([&](Attempt& attempt) { attempt.done_ns = 1'000'000 + rank; });
        if (rank >= 40)
            beyond.at(static_cast<std::size_t>(rank - 40)) = static_cast<std::uint64_t>(i);
    }
    std::vector<std::uint64_t> named;
    for (const Witness& witness : check_promised_oversell(story).witnesses) {
        named.push_back(witness.attempts.at(0));
    }
    CHECK(named == beyond);
}

TEST_CASE("promises answered in one instant keep the order of their attempts") {
    auto story = storm(1).grant("a", "1").grant("b", "2").grant("c", "3");
    AttemptList& attempts = story.raw().history.attempts;
    for (std::size_t at = 0; at < attempts.size(); ++at) {
        attempts.update(at, [](Attempt& attempt) { attempt.done_ns = 5; });
    }
    const Finding finding = check_promised_oversell(story);
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].user == "b");
    CHECK(finding.witnesses[1].user == "c");
}

TEST_CASE("promises too many are kept as witnesses up to the limit and counted beyond it") {
    const Finding finding = check_promised_oversell(storm(10).grants(310, "u", 1));
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 300);
}

TEST_CASE("a lost reply is decided by the rows where they can be read") {
    CHECK(check_promised_oversell(storm(1).sold(1).lose_reply("x")).verdict == Verdict::holds);
}

TEST_CASE("a lost reply may or may not be one promise too many where nobody can look") {
    const Finding open =
        check_promised_oversell(storm(1).grant("a", "1").lose_reply("x").no_claims_query());
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary ==
          "1 promise for a stock of 1; 1 attempt may have been granted; "
          "the target names no claims query to tell");
    CHECK(check_promised_oversell(storm(2).grant("a").lose_reply("x").no_claims_query()).verdict ==
          Verdict::holds);
    CHECK(check_promised_oversell(
              storm(1).grant("a").attempt("x", Outcome::pending).no_claims_query())
              .verdict == Verdict::inconclusive);
    CHECK(check_promised_oversell(
              storm(1).grant("a").attempt("x", Outcome::not_sent).no_claims_query())
              .verdict == Verdict::holds);
}

TEST_CASE("answers without a claim id may be replays, so only the first of a user is certain") {
    const auto twice = storm(1).grant("a").grant("a");
    CHECK(check_promised_oversell(twice).verdict == Verdict::holds);
    const Finding open = check_promised_oversell(storm(1).grant("a").grant("a").no_claims_query());
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary ==
          "1 promise for a stock of 1; 1 granted answer may or may not be a replay; "
          "the target names no claims query to tell");
    CHECK(check_promised_oversell(storm(1).grant("a").grant("b")).verdict == Verdict::violated);
}

TEST_CASE("rows that cannot be trusted decide nothing about lost replies") {
    const Finding unsettled =
        check_promised_oversell(storm(1).sold(1).lose_reply("x").unsettled("queue grows"));
    CHECK(unsettled.verdict == Verdict::inconclusive);
    CHECK(unsettled.summary.find("the stores had not settled: queue grows") != std::string::npos);
    const Finding unreadable = check_promised_oversell(
        storm(1).grant("a").grant("a").lose_reply("x").claims_unreadable("denied"));
    CHECK(unreadable.verdict == Verdict::inconclusive);
    CHECK(unreadable.summary ==
          "1 promise for a stock of 1; 1 attempt may have been granted and 1 granted answer may or "
          "may not be a replay; the claims query could not be read: denied");
}

TEST_CASE("too many promises need no settled stores, no rows and no whole history") {
    CHECK(check_promised_oversell(storm(1).grants(2, "u", 1).unsettled("busy")).verdict ==
          Verdict::violated);
    CHECK(check_promised_oversell(storm(1).grants(2, "u", 1).no_claims_query()).verdict ==
          Verdict::violated);
    CHECK(check_promised_oversell(storm(1).grants(2, "u", 1).history_cut("tail")).verdict ==
          Verdict::violated);
    CHECK(check_promised_oversell(storm(1).grants(2, "u", 1).baseline_unreadable("no")).verdict ==
          Verdict::violated);
    CHECK(check_promised_oversell(storm(2).sold(2).unsettled("busy")).verdict == Verdict::holds);
}

TEST_CASE("promises within the stock prove nothing when the history is cut") {
    const Finding finding =
        check_promised_oversell(storm(2).sold(1).history_cut("the last chunk is missing"));
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(finding.summary ==
          "1 promise for a stock of 2; but the history is cut: the last chunk is missing");
}

TEST_CASE("without the rows before the storm nobody knows how much there was to promise") {
    const Finding unread = check_promised_oversell(storm(2).sold(1).baseline_unreadable("denied"));
    CHECK(unread.verdict == Verdict::inconclusive);
    CHECK(unread.summary.find("could not be read: denied") != std::string::npos);
    const Finding none = check_promised_oversell(storm(2).sold(1).no_baseline());
    CHECK(none.verdict == Verdict::inconclusive);
    CHECK(none.summary == "1 promise for a stock of 2; the rows before the storm are not known");
}

TEST_CASE("promised_oversell is skipped without a storm, inconclusive with an unreadable one") {
    CHECK(check_promised_oversell(storm(1)).verdict == Verdict::skipped);
    CHECK(check_promised_oversell(storm(1)).summary == "no attempt was recorded");
    const Finding cut = check_promised_oversell(storm(1).history_cut("all of it"));
    CHECK(cut.verdict == Verdict::inconclusive);
    CHECK(cut.summary == "no attempt could be read: all of it");
}

}  // namespace claimstorm::test
