#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

constexpr auto kByCount =
    "; no granted claim id occurs in the ledger, so rows were counted per user";

}  // namespace

TEST_CASE("every grant with its row is nothing lost") {
    const Finding finding = check_lost_claims(storm(9).sold(3).refuse("x"));
    CHECK(finding.check == "lost_claims");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "every grant of 3 has its row");
    CHECK(figures(finding) ==
          Figures{{"granted", 3}, {"lost", 0}, {"owned_by_others", 0}, {"unclear", 0}});
}

TEST_CASE("a grant whose claim id no row carries is lost") {
    const Finding finding =
        check_lost_claims(storm(9).sold(2).grant("a", "7").grant("a", "7").refuse("a"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "1 of 3 grants without a row: told yes, nothing stored");
    CHECK(figures(finding) ==
          Figures{{"granted", 3}, {"lost", 1}, {"owned_by_others", 0}, {"unclear", 0}});
    REQUIRE(finding.witnesses.size() == 1);
    CHECK(finding.witness_count == 1);
    CHECK(finding.witnesses[0].user == "a");
    CHECK(finding.witnesses[0].claim_ids == std::vector<std::string>{"7"});
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{2});
    CHECK(finding.witnesses[0].what == "a was granted claim 7 (attempt 2), which has no row");
}

TEST_CASE("another row of the same user does not stand in for the claim id granted") {
    CHECK(check_lost_claims(storm(9).sold(2).grant("a", "7").row("a", "8")).verdict ==
          Verdict::violated);
    CHECK(check_lost_claims(storm(9).sold(2).grant("a", "8").row("a", "7")).verdict ==
          Verdict::violated);
}

TEST_CASE("a user's many ids are matched one by one, in any order") {
    const Finding finding = check_lost_claims(storm(9)
                                                  .per_user(4)
                                                  .grant("a", "4")
                                                  .grant("a", "2")
                                                  .grant("a", "9")
                                                  .grant("a", "1")
                                                  .row("a", "3")
                                                  .row("a", "9")
                                                  .row("a", "1")
                                                  .row("a", "4"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding).at("granted") == 4);
    CHECK(figures(finding).at("lost") == 1);
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was granted claim 2 (attempt 1), which has no row"});
}

TEST_CASE("a claim whose row stands under another user is lost to the one who was told") {
    const Finding finding =
        check_lost_claims(storm(9).grant("a", "7").grant("b", "8").row("b", "7").row("a", "9"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) ==
          Figures{{"granted", 2}, {"lost", 2}, {"owned_by_others", 1}, {"unclear", 0}});
    CHECK(finding.summary ==
          "2 of 2 grants without a row: told yes, nothing stored; 1 stand under another user");
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was granted claim 7 (attempt 0), whose row belongs to b",
                                   "b was granted claim 8 (attempt 1), which has no row"});
}

TEST_CASE("one claim id told to two users is lost to the one without the row") {
    const Finding finding =
        check_lost_claims(storm(9).grant("a", "7").grant("b", "7").row("a", "7"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding).at("owned_by_others") == 1);
    CHECK(finding.witnesses.at(0).user == "b");
}

TEST_CASE("whose a missing claim's row is, is told of each by itself") {
    const Finding finding = check_lost_claims(
        storm(9).sold(2).grant("a", "7").grant("b", "8").row("c", "8").row("d", "7").row("e", "9"));
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was granted claim 7 (attempt 2), whose row belongs to d",
                                   "b was granted claim 8 (attempt 3), whose row belongs to c"});
}

TEST_CASE("what one user holds stands in for no other's claims") {
    const Finding finding =
        check_lost_claims(storm(9).per_user(2).grant("a").row("a").grant("b").grant("b").row("b"));
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(figures(finding).at("unclear") == 1);
}

TEST_CASE("ids of another kind than the ledger's are not compared, rows are counted") {
    const Finding holds = check_lost_claims(
        storm(9).grant("a", "req-1").grant("b", "req-2").row("a", "1").row("b", "2"));
    CHECK(holds.verdict == Verdict::holds);
    CHECK(holds.summary == std::string("every grant of 2 has its row") + kByCount);

    const Finding lost =
        check_lost_claims(storm(9).grant("a", "req-1").grant("b", "req-2").row("a", "1"));
    CHECK(lost.verdict == Verdict::violated);
    CHECK(lost.summary ==
          std::string("1 of 2 grants without a row: told yes, nothing stored") + kByCount);
    CHECK(sentences(lost) ==
          std::vector<std::string>{"b was granted 1 claim (attempt 1) and has no row"});
    CHECK(lost.witnesses[0].claim_ids == std::vector<std::string>{"req-2"});
    CHECK(lost.witnesses[0].attempts == std::vector<std::uint64_t>{1});
}

TEST_CASE("where no id was granted there is no other kind of id to speak of") {
    CHECK(check_lost_claims(storm(9).grant("a").row("a", "1")).summary ==
          "every grant of 1 has its row");
    CHECK(check_lost_claims(storm(9).grant("a").attempt("b", Outcome::rejected, "e5").row("a", "1"))
              .summary == "every grant of 1 has its row");
}

TEST_CASE("where rows are counted, a user needs as many as ids were granted") {
    const auto story = [] { return storm(9).per_user(2).grant("a", "x").grant("a", "y").row("a"); };
    const Finding lost = check_lost_claims(story());
    CHECK(lost.verdict == Verdict::violated);
    CHECK(figures(lost) ==
          Figures{{"granted", 2}, {"lost", 1}, {"owned_by_others", 0}, {"unclear", 0}});
    CHECK(lost.summary == "1 of 2 grants without a row: told yes, nothing stored");
    CHECK(sentences(lost) ==
          std::vector<std::string>{"a was granted 2 claims (attempts 0, 1) and has only 1 row"});
    CHECK(check_lost_claims(story().row("a")).verdict == Verdict::holds);
}

TEST_CASE("a user told yes without an id needs a row even where others are matched by id") {
    const Finding finding = check_lost_claims(storm(9).sold(2).grant("a"));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(sentences(finding) ==
          std::vector<std::string>{"a was granted 1 claim (attempt 2) and has no row"});
    CHECK(finding.witnesses[0].claim_ids.empty());
}

TEST_CASE("a user who lost very many claims lists some and counts all") {
    auto story = storm(99);
    for (int i = 0; i < 30; ++i) story.grant("a", "x" + std::to_string(i));
    const Finding finding = check_lost_claims(story);
    REQUIRE(finding.witnesses.size() == 1);
    CHECK(finding.witnesses[0].claim_ids.size() == 20);
    CHECK(finding.witnesses[0].attempts.size() == 20);
    CHECK(finding.witnesses[0].what ==
          "a was granted 30 claims (attempts 0, 1, 2 and 27 more) and has no row");
    CHECK(figures(finding).at("lost") == 30);
}

TEST_CASE("one row without a claim id makes the ledger one to be counted") {
    CHECK(check_lost_claims(storm(9).grant("a", "1").grant("b", "2").row("a", "1").row("b"))
              .verdict == Verdict::holds);
}

TEST_CASE("an answer without a claim id needs one row, and a second may be its replay") {
    CHECK(check_lost_claims(storm(9).grant("a").refuse("b")).verdict == Verdict::violated);
    CHECK(check_lost_claims(storm(9).grant("a").row("a")).verdict == Verdict::holds);
    CHECK(check_lost_claims(storm(9).grant("a").grant("a").row("a")).verdict == Verdict::holds);
    // Two are allowed here, so the second answer may just as well be a second claim.
    const Finding open = check_lost_claims(storm(9).per_user(2).grant("a").grant("a").row("a"));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(figures(open) ==
          Figures{{"granted", 2}, {"lost", 0}, {"owned_by_others", 0}, {"unclear", 1}});
    CHECK(open.summary == "1 granted answer without a row: replays of older ones, or lost claims");
    CHECK(check_lost_claims(storm(9).per_user(2).grant("a").grant("a").row("a").row("a")).verdict ==
          Verdict::holds);
}

TEST_CASE("an answer without an id beside one with an id may repeat it") {
    const auto story = [](std::int64_t limit) {
        return storm(9).per_user(limit).grant("a", "1").grant("a").row("a", "1");
    };
    CHECK(check_lost_claims(story(1)).verdict == Verdict::holds);
    CHECK(check_lost_claims(story(2)).verdict == Verdict::inconclusive);
    CHECK(check_lost_claims(story(2).row("a", "2")).verdict == Verdict::holds);
}

TEST_CASE("a row from before the storm is not the row of a new grant") {
    // By id the old row is another claim; without ids the answer may repeat the old one.
    CHECK(check_lost_claims(storm(9).sold(1).old_row("a", "50").grant("a", "51")).verdict ==
          Verdict::violated);
    CHECK(check_lost_claims(storm(9).old_row("a").grant("a")).verdict == Verdict::inconclusive);
    CHECK(check_lost_claims(storm(9).old_row("a").grant("a").row("a")).verdict == Verdict::holds);
    CHECK(check_lost_claims(storm(9).old_row("a", "50").grant("a", "50")).verdict ==
          Verdict::holds);
}

TEST_CASE("queued claims may be the missing ones, but no more of them than are queued") {
    const auto story = [] { return storm(9).sold(1).grants(3, "q", 100); };
    const Finding open = check_lost_claims(story().backlog(3));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary ==
          "3 of 4 grants without a row, but 3 claims still queued when the wait ended");
    CHECK(figures(open).at("backlog") == 3);
    CHECK(figures(open).at("lost") == 3);

    const Finding lost = check_lost_claims(story().backlog(2));
    CHECK(lost.verdict == Verdict::violated);
    CHECK(lost.summary ==
          "3 of 4 grants without a row: 1 lost even if all 2 still queued are among them");
    CHECK(check_lost_claims(story().backlog(0)).verdict == Verdict::violated);

    const Finding others = check_lost_claims(storm(9).sold(1).backlog(1));
    CHECK(others.verdict == Verdict::holds);
    CHECK(others.summary == "every grant of 1 has its row; 1 claim still queued");
    CHECK(figures(others).at("backlog") == 1);
}

TEST_CASE("an unreadable backlog excuses missing rows and is no matter without any") {
    auto lost = storm(9).sold(1).grant("a", "7");
    lost.raw().after.backlog = Unreadable{"WRONGTYPE"};
    const Finding finding = check_lost_claims(lost);
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(finding.summary ==
          "1 of 2 grants without a row; the backlog could not be read: WRONGTYPE");
    auto whole = storm(9).sold(1);
    whole.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_lost_claims(whole).verdict == Verdict::holds);
}

TEST_CASE("unanswered and refused attempts are owed nothing") {
    const Finding finding =
        check_lost_claims(storm(9).lose_reply("a").refuse("b").attempt("c", Outcome::not_sent));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "nobody was told granted");
}

TEST_CASE("a cut history leaves a lost claim lost and proves no absence") {
    CHECK(check_lost_claims(storm(9).sold(1).grant("a", "7").history_cut("tail")).verdict ==
          Verdict::violated);
    const Finding open = check_lost_claims(storm(9).sold(1).history_cut("tail"));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(open.summary == "every grant of 1 has its row; but the history is cut: tail");
}

TEST_CASE("without a baseline matched ids still hold, counted rows do not") {
    CHECK(check_lost_claims(storm(9).sold(2).no_baseline()).verdict == Verdict::holds);
    // Who was granted nothing has no rows to be counted.
    CHECK(check_lost_claims(storm(9).sold(2).refuse("x").no_baseline()).verdict == Verdict::holds);
    const Finding none = check_lost_claims(storm(9).grant("a").row("a").no_baseline());
    CHECK(none.verdict == Verdict::inconclusive);
    CHECK(none.summary == "the rows before the storm are not known");
    const Finding unread =
        check_lost_claims(storm(9).grant("a").row("a").baseline_unreadable("denied"));
    CHECK(unread.summary == "the rows before the storm could not be read: denied");
    CHECK(check_lost_claims(storm(9).sold(1).grant("u0").no_baseline()).verdict ==
          Verdict::inconclusive);
    CHECK(check_lost_claims(storm(9).grant("a").no_baseline()).verdict == Verdict::violated);
}

TEST_CASE("lost_claims is inconclusive on unsettled or unreadable rows, skipped without evidence") {
    CHECK(check_lost_claims(storm(9).grant("a").unsettled("busy")).verdict ==
          Verdict::inconclusive);
    CHECK(check_lost_claims(storm(9).grant("a").claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    CHECK(check_lost_claims(storm(9).grant("a").no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_lost_claims(storm(9).row("a")).verdict == Verdict::skipped);
}

TEST_CASE("lost claims are kept as witnesses up to the limit and counted beyond it") {
    const Finding finding = check_lost_claims(storm(999).sold(1).grants(250, "x", 1000));
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 250);
}

TEST_CASE("where only some rows name their claim, rows are counted per user, and it is said") {
    const EvidenceBuilder story = storm(9).sold(2).grant("x", "8").row("x");
    CHECK(check_lost_claims(story).verdict == Verdict::holds);
    CHECK(check_lost_claims(story).summary ==
          "every grant of 3 has its row; 1 of 3 rows has no claim id, so rows were counted per "
          "user");
    const EvidenceBuilder lost = EvidenceBuilder(story).grant("y", "9");
    CHECK(check_lost_claims(lost).verdict == Verdict::violated);
    CHECK(says(check_lost_claims(lost), "; 1 of 3 rows has no claim id, so rows were counted"));
    CHECK(check_lost_claims(storm(9).grant("x", "8").row("x")).summary ==
          "every grant of 1 has its row");
}

}  // namespace claimstorm::test
