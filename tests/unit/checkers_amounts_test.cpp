#include <limits>

#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// Two of two envelopes over 1,000 cents: 400 and 600, told as stored.
EvidenceBuilder shared_out() {
    return storm(2)
        .budget(1000)
        .grant("a", "1")
        .told_cents(400)
        .row("a", "1")
        .cents(400)
        .grant("b", "2")
        .told_cents(600)
        .row("b", "2")
        .cents(600);
}

void answer_says(EvidenceBuilder& story, std::size_t at, std::int64_t cents) {
    story.raw().history.attempts.update(at, [&](Attempt& a) { a.amount_cents = cents; });
}
void row_says(EvidenceBuilder& story, std::size_t at, std::int64_t cents) {
    story.raw().after.ledger.value().rows.update(at, [&](ClaimRow& r) { r.amount_cents = cents; });
}
void both_say(EvidenceBuilder& story, std::size_t at, std::int64_t cents) {
    answer_says(story, at, cents);
    row_says(story, at, cents);
}

Figures figures_of(std::int64_t stored, std::int64_t promised, const Figures& wrong = {}) {
    Figures all = {{"stored_cents", stored}, {"promised_cents", promised},
                   {"over_cents", 0},        {"unspent_cents", 0},
                   {"below_min", 0},         {"differing", 0},
                   {"without_amount", 0},    {"budget_cents", 1000}};
    for (const auto& [name, value] : wrong) all[name] = value;
    return all;
}

}  // namespace

TEST_CASE("amounts within the budget, told as they are stored, are right") {
    const Finding finding = check_amounts(shared_out());
    CHECK(finding.check == "amounts");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "2 rows over 1,000 cents of a budget of 1,000");
    CHECK(figures(finding) == figures_of(1000, 1000));
    CHECK(finding.witness_count == 0);
}

TEST_CASE("rows that exceed the budget by one cent are too much") {
    auto story = shared_out();
    row_says(story, 1, 601);
    answer_says(story, 1, kNoNumber);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary ==
          "2 rows over 1,001 cents of a budget of 1,000: the rows exceed the budget by 1 cents");
    CHECK(figures(finding) == figures_of(1001, 400, {{"over_cents", 1}}));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"the rows add up to 1,001 cents, the budget is 1,000"});
    CHECK(finding.witnesses[0].key == "amount_cents");
}

TEST_CASE("promises that exceed the budget alone suffice, whatever is stored") {
    auto story = shared_out().grant("c", "3").told_cents(1);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(says(finding, "the promises exceed the budget by 1 cents"));
    CHECK(figures(finding) == figures_of(1000, 1001, {{"over_cents", 1}}));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"the promises add up to 1,001 cents, the budget is 1,000"});
    for (const bool named : {true, false}) {
        auto alone = story;
        if (named) alone.claims_unreadable("gone");
        if (!named) alone.no_claims_query();
        CHECK(check_amounts(alone).verdict == Verdict::violated);
        CHECK(figures(check_amounts(alone)) == figures_of(0, 1001, {{"over_cents", 1}}));
    }
    CHECK(check_amounts(story.unsettled("busy")).verdict == Verdict::violated);
    // A replay of the same claim is no further promise.
    CHECK(check_amounts(shared_out().grant("a", "1").told_cents(400)).verdict == Verdict::holds);
}

TEST_CASE("an amount below the least is wrong, one at the least is right") {
    auto story = shared_out();
    both_say(story, 0, 1);
    CHECK(check_amounts(story).verdict == Verdict::holds);
    both_say(story, 0, 0);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(says(finding, ": 1 below the least of 1 cents"));
    CHECK(figures(finding) == figures_of(600, 600, {{"below_min", 1}}));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a holds claim 1 over 0 cents, the least is 1"});
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"1"});
    const Finding nameless = check_amounts(storm(2).budget(9).row("a").cents(0));
    CHECK(sentences(nameless) ==
          std::vector<std::string>{"a holds a row over 0 cents, the least is 1"});
    CHECK(nameless.witnesses[0].claim_ids.empty());
    story.raw().campaign.min_cents = 0;
    CHECK(check_amounts(story).verdict == Verdict::holds);
    both_say(story, 0, -1);
    CHECK(check_amounts(story).verdict == Verdict::violated);
}

TEST_CASE("without rows the least is asked of the answers") {
    auto story = shared_out().no_claims_query();
    const Finding good = check_amounts(story);
    CHECK(good.verdict == Verdict::holds);
    CHECK(good.summary == "2 promises over 1,000 cents of a budget of 1,000, by the answers alone");
    answer_says(story, 0, 0);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) == figures_of(0, 600, {{"below_min", 1}}));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was told 0 cents for claim 1 (attempt 0), the least is 1"});
}

TEST_CASE("a whole budget must have gone once the whole stock went, and not before") {
    auto story = shared_out();
    both_say(story, 1, 599);
    CHECK(check_amounts(story).verdict == Verdict::holds);
    story.raw().campaign.whole_budget = true;
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(says(finding, ": all went, and 1 cents of the budget did not"));
    CHECK(figures(finding) == figures_of(999, 999, {{"unspent_cents", 1}}));
    CHECK(finding.witness_count == 1);
    CHECK(sentences(finding) ==
          std::vector<std::string>{"the rows add up to 999 cents, the budget is 1,000"});
    story.raw().campaign.stock = 3;
    CHECK(check_amounts(story).verdict == Verdict::holds);
    auto whole = shared_out();
    whole.raw().campaign.whole_budget = true;
    CHECK(check_amounts(whole).verdict == Verdict::holds);
}

TEST_CASE("by the answers alone a whole budget is judged once they are all that went") {
    const auto alone = [](std::int64_t second) {
        auto story = shared_out();
        answer_says(story, 1, second);
        for (const std::size_t at : {0U, 1U}) row_says(story, at, kNoNumber);
        story.raw().campaign.whole_budget = true;
        return story;
    };
    for (const bool rows : {true, false}) {
        INFO("rows without an amount: " << rows);
        const auto told = [&](std::int64_t second) {
            return rows ? alone(second) : alone(second).no_claims_query();
        };
        CHECK(check_amounts(told(600)).verdict == Verdict::holds);
        const Finding finding = check_amounts(told(100));
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.strength == Strength::definite);
        CHECK(says(finding, ": all went, and 500 cents of the budget did not"));
        CHECK(figures(finding).at("unspent_cents") == 500);
        CHECK(sentences(finding) ==
              std::vector<std::string>{"the promises add up to 500 cents, the budget is 1,000"});
        // What else was given, and how much of it, nobody knows.
        CHECK(check_amounts(told(100).lose_reply("c")).verdict == Verdict::inconclusive);
        CHECK(check_amounts(told(100).grant("c", "3")).verdict == Verdict::inconclusive);
        CHECK(check_amounts(told(100).grant("a")).verdict == Verdict::inconclusive);
        CHECK(check_amounts(told(100).history_cut("tail")).verdict == Verdict::inconclusive);
    }
    // With rows left to give, the whole budget is not due yet; without rows it is not known
    // whether all went, once somebody was told so.
    auto part = alone(100).no_claims_query();
    part.raw().campaign.stock = 3;
    CHECK(check_amounts(part).verdict == Verdict::holds);
    const Finding unknown = check_amounts(part.refuse("c"));
    CHECK(unknown.verdict == Verdict::inconclusive);
    CHECK(says(unknown, "sold_out"));
    part.raw().campaign.whole_budget = false;
    CHECK(check_amounts(part).verdict == Verdict::holds);
    // As many promises as stock are all that went, whoever was told sold_out afterwards.
    CHECK(check_amounts(alone(600).no_claims_query().refuse("c")).verdict == Verdict::holds);
    // An unread ledger may hold anything.
    CHECK(check_amounts(alone(100).claims_unreadable("gone")).verdict == Verdict::inconclusive);
}

TEST_CASE("by the answers alone, what was given without an amount leaves the sum open") {
    const auto told = [] { return storm(9).budget(10).grant("a", "1").told_cents(4); };
    const Finding silent = check_amounts(told().lose_reply("b").attempt("c", Outcome::pending));
    CHECK(silent.verdict == Verdict::inconclusive);
    CHECK(silent.summary ==
          "1 promise over 4 cents of a budget of 10, but 2 attempts without an answer, and no row "
          "carries an amount");
    const Finding bare = check_amounts(told().grant("b", "2"));
    CHECK(bare.verdict == Verdict::inconclusive);
    CHECK(says(bare, "but 1 grant without an amount, and"));
    // Claims from before the storm, or of others: their rows do not say how much.
    const Finding old = check_amounts(told().row("a", "1").old_row("x", "9"));
    CHECK(old.verdict == Verdict::inconclusive);
    CHECK(says(old, "but 2 rows for 1 promise, and"));
    CHECK(check_amounts(told().row("a", "1")).verdict == Verdict::holds);
    // A copy of the answer that leaves the amount out takes nothing from it.
    CHECK(check_amounts(told().grant("a", "1")).verdict == Verdict::holds);
    // Rows with amounts tell it all.
    CHECK(check_amounts(told().row("a", "1").cents(4).lose_reply("b")).verdict == Verdict::holds);
    // Answers without an id may be replays, or more than the budget.
    const auto twice = [](std::int64_t cents) {
        return storm(9).budget(10).grant("a").told_cents(cents).grant("a").told_cents(cents);
    };
    CHECK(check_amounts(twice(5)).verdict == Verdict::holds);
    CHECK(check_amounts(twice(6)).verdict == Verdict::inconclusive);
    CHECK(says(check_amounts(twice(6)), "but 1 grant without a claim id that may be a replay"));
    CHECK(says(check_amounts(twice(5).grant("a")), "but 1 grant without an amount, and"));
}

TEST_CASE("a client told another amount than is stored was told wrong") {
    auto story = shared_out();
    answer_says(story, 1, 599);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(says(finding, ": 1 answer told another amount than is stored"));
    CHECK(figures(finding) == figures_of(1000, 999, {{"differing", 1}}));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"b was told 599 cents for claim 2 (attempt 1), stored are 600"});
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{1});
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"2"});
    // A second answer about the same claim is compared as well.
    const Finding replay = check_amounts(shared_out().grant("b", "2").told_cents(601));
    CHECK(figures(replay) == figures_of(1000, 1000, {{"differing", 1}}));
    CHECK(replay.verdict == Verdict::violated);
}

TEST_CASE("answers are compared with the row of the same claim id, not with another of the user") {
    auto story = storm(9)
                     .per_user(2)
                     .budget(1000)
                     .grant("a", "2")
                     .told_cents(20)
                     .grant("a", "1")
                     .told_cents(10)
                     .row("a", "1")
                     .cents(10)
                     .row("a", "2")
                     .cents(20);
    CHECK(check_amounts(story).verdict == Verdict::holds);
    answer_says(story, 0, 21);
    CHECK(sentences(check_amounts(story)) ==
          std::vector<std::string>{"a was told 21 cents for claim 2 (attempt 0), stored are 20"});
    // The row of claim 9 is missing, which lost_claims says; the other row is not to be compared.
    for (const char* other : {"1", "99"}) {
        auto lost = storm(9).budget(1000).grant("b", "7").row("b", "7").cents(1);
        lost.grant("a", "9").told_cents(20).row("a", other).cents(10);
        CHECK(check_amounts(lost).verdict == Verdict::holds);
    }
}

TEST_CASE("answers without an id, or with ids of another kind, are compared by their user") {
    auto plain = storm(9).budget(1000).grant("a").told_cents(10).row("a", "1").cents(11);
    CHECK(check_amounts(plain).verdict == Verdict::violated);
    CHECK(sentences(check_amounts(plain)) ==
          std::vector<std::string>{"a was told 10 cents (attempt 0), stored are 11"});
    CHECK(check_amounts(plain).witnesses[0].claim_ids.empty());
    auto other = storm(9).budget(1000).grant("a", "x1").told_cents(10).row("a", "1").cents(11);
    CHECK(figures(check_amounts(other)).at("differing") == 1);
    // With two rows it is not known which of them the answer means.
    CHECK(check_amounts(plain.row("a", "2").cents(10)).verdict == Verdict::holds);
}

TEST_CASE("an answer without an id and a row without one are compared once") {
    auto story = storm(9).budget(1000).grant("b", "7").told_cents(1).row("b", "7").cents(1);
    story.grant("a").told_cents(10).row("a").cents(11);
    CHECK(figures(check_amounts(story)).at("differing") == 1);
}

TEST_CASE("a row without an amount leaves the sum open") {
    auto story = shared_out();
    row_says(story, 0, kNoNumber);
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(finding.summary ==
          "1 row over 600 cents of a budget of 1,000, but 1 row without an amount");
    CHECK(figures(finding) == figures_of(600, 1000, {{"without_amount", 1}}));
    story.raw().campaign.whole_budget = true;
    CHECK(check_amounts(story).verdict == Verdict::inconclusive);
    row_says(story, 1, 2000);
    CHECK(check_amounts(story).verdict == Verdict::violated);
}

TEST_CASE("amounts without a budget are still judged by the least and by what was told") {
    auto story = shared_out();
    story.raw().campaign.budget_cents = {};
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "2 rows over 1,000 cents");
    CHECK(figures(finding).count("budget_cents") == 0);
    row_says(story, 0, 0);
    CHECK(check_amounts(story).verdict == Verdict::violated);
}

TEST_CASE("sums of money stop at the ends of 64 bits") {
    auto story = shared_out();
    for (const std::size_t at : {0U, 1U}) {
        row_says(story, at, std::numeric_limits<std::int64_t>::max());
    }
    const Finding finding = check_amounts(story);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding).at("stored_cents") == std::numeric_limits<std::int64_t>::max());

    story.raw().campaign.whole_budget = true;
    for (const std::size_t at : {0U, 1U}) {
        row_says(story, at, -std::numeric_limits<std::int64_t>::max());
    }
    const Finding below = check_amounts(story);
    CHECK(figures(below).at("stored_cents") == std::numeric_limits<std::int64_t>::min());
    CHECK(figures(below).at("over_cents") == 0);
    CHECK(figures(below).at("unspent_cents") == std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("an audit without a storm judges the rows, a storm without rows the answers") {
    auto audit = storm(2).budget(10).row("a", "1").cents(4).row("b", "2").cents(7);
    CHECK(check_amounts(audit).verdict == Verdict::violated);
    CHECK(figures(check_amounts(audit)).at("over_cents") == 1);
    const Finding answers = check_amounts(storm(2).budget(10).grant("a", "1").told_cents(4));
    CHECK(answers.verdict == Verdict::holds);
    CHECK(says(answers, "by the answers alone"));
}

TEST_CASE("amounts are skipped where nothing carries one, as with coupons") {
    CHECK(check_amounts(storm(2).sold(2)).verdict == Verdict::skipped);
    CHECK(check_amounts(storm(2).sold(2)).summary == "neither rows nor answers carry an amount");
    CHECK(check_amounts(storm(2).sold(2).claims_unreadable("gone")).verdict == Verdict::skipped);
    CHECK(check_amounts(storm(2).budget(5).sold(2)).verdict == Verdict::skipped);
}

TEST_CASE("amounts are inconclusive when the rows are unread, unsettled, or the history is cut") {
    CHECK(check_amounts(shared_out().claims_unreadable("gone")).verdict == Verdict::inconclusive);
    CHECK(check_amounts(shared_out().claims_unreadable("gone")).summary ==
          "the claims query could not be read: gone");
    CHECK(check_amounts(shared_out().unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_amounts(shared_out().history_cut("tail")).verdict == Verdict::inconclusive);
    CHECK(check_amounts(storm(1).budget(5).grant("a").unsettled("busy")).verdict ==
          Verdict::inconclusive);
}

}  // namespace claimstorm::test
