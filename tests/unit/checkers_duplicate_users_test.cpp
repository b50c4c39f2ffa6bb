#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("a user may have the limit and not one row more") {
    CHECK(check_duplicate_users(storm(9).sold(3)).verdict == Verdict::holds);
    CHECK(check_duplicate_users(storm(9).sold(3)).summary == "nobody got more than 1");
    CHECK(check_duplicate_users(storm(9).row("a", "1").row("a", "2")).verdict == Verdict::violated);
    CHECK(check_duplicate_users(storm(9).per_user(2).row("a", "1").row("a", "2")).verdict ==
          Verdict::holds);
    CHECK(check_duplicate_users(storm(9).per_user(2).row("a").row("a").row("a")).verdict ==
          Verdict::violated);
}

TEST_CASE("two claim ids granted to one user are a duplicate even with a single row") {
    CHECK(check_duplicate_users(storm(9).grant("a", "1").grant("a", "2").row("a", "1")).verdict ==
          Verdict::violated);
    CHECK(check_duplicate_users(storm(9).grant("a", "1").grant("a", "1").row("a", "1")).verdict ==
          Verdict::holds);
    CHECK(check_duplicate_users(storm(9).per_user(2).grant("a", "1").grant("a", "2")).verdict ==
          Verdict::holds);
}

TEST_CASE("every figure of duplicate_users is its own") {
    const Finding finding = check_duplicate_users(storm(99)
                                                      .per_user(2)
                                                      .rows(1, "fine", 50)
                                                      .row("a", "1")
                                                      .row("a", "2")
                                                      .row("a", "3")
                                                      .row("a", "4")
                                                      .row("a", "5")
                                                      .row("b", "6")
                                                      .row("b", "7")
                                                      .row("b", "8")
                                                      .grant("c", "9")
                                                      .grant("c", "10")
                                                      .grant("c", "11"));
    CHECK(finding.check == "duplicate_users");
    CHECK(finding.strength == Strength::definite);
    CHECK(figures(finding) ==
          Figures{{"per_user", 2}, {"users", 3}, {"surplus", 5}, {"most", 5}, {"unclear", 0}});
    CHECK(finding.summary == "3 users got more than 2: 5 too many, up to 5 for one user");
    CHECK(finding.witness_count == 3);
}

TEST_CASE("the largest number one user has is told although nobody has too many") {
    const Finding finding = check_duplicate_users(storm(9).per_user(3).row("a").row("a").row("b"));
    CHECK(figures(finding).at("most") == 2);
}

TEST_CASE("a duplicate's witness names the user, the claim ids and the attempts") {
    const Finding finding = check_duplicate_users(
        storm(9).refuse("a").grant("a", "22").grant("a", "21").row("a", "21").row("a", "23"));
    REQUIRE(finding.witnesses.size() == 1);
    const Witness& witness = finding.witnesses[0];
    CHECK(witness.user == "a");
    CHECK(witness.claim_ids == std::vector<std::string>{"21", "22", "23"});
    CHECK(witness.attempts == std::vector<std::uint64_t>{1, 2});
    CHECK(witness.what == "a has 2 rows and was granted 2 claim ids (attempts 1, 2)");

    const Finding bare = check_duplicate_users(storm(9).grant("a").row("a").row("a"));
    CHECK(sentences(bare) ==
          std::vector<std::string>{"a has 2 rows and was told granted (attempt 0)"});
    CHECK(bare.witnesses[0].claim_ids.empty());

    const Finding rows = check_duplicate_users(storm(9).refuse("a").row("a").row("a"));
    CHECK(sentences(rows) == std::vector<std::string>{"a has 2 rows"});
    CHECK(rows.witnesses[0].attempts.empty());
}

TEST_CASE("a user with very many claims lists some and counts all") {
    auto story = storm(999);
    for (int i = 0; i < 50; ++i) story.grant("a", std::to_string(i)).row("a", std::to_string(i));
    const Finding finding = check_duplicate_users(story);
    REQUIRE(finding.witnesses.size() == 1);
    CHECK(finding.witnesses[0].claim_ids.size() == 20);
    CHECK(finding.witnesses[0].attempts.size() == 20);
    CHECK(finding.witnesses[0].what ==
          "a has 50 rows and was granted 50 claim ids (attempts 0, 1, 2 and 47 more)");
}

TEST_CASE("rows from before the storm count against the limit") {
    CHECK(check_duplicate_users(storm(9).old_row("a", "1").sold(1, "a", 2)).verdict ==
          Verdict::holds);  // the builder names the second user a0
    CHECK(check_duplicate_users(storm(9).old_row("a", "1").grant("a", "2").row("a", "2")).verdict ==
          Verdict::violated);
}

TEST_CASE("granted answers without a claim id are decided by the rows") {
    CHECK(check_duplicate_users(storm(9).grant("a").grant("a").row("a")).verdict == Verdict::holds);
    CHECK(check_duplicate_users(storm(9).grant("a").grant("a").row("a").row("a")).verdict ==
          Verdict::violated);
    CHECK(figures(check_duplicate_users(storm(9).grant("a").grant("a").row("a"))).at("unclear") ==
          0);
}

TEST_CASE("without rows, answers without a claim id may be replays or duplicates") {
    const Finding open =
        check_duplicate_users(storm(9).grant("a").grant("a").grant("b").no_claims_query());
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(figures(open).at("unclear") == 1);
    CHECK(open.summary ==
          "1 user may have got more than 1, counting answers without a claim id and attempts "
          "without an answer; the target names no claims query to tell");
    CHECK(
        check_duplicate_users(storm(9).grant("a", "1").lose_reply("a").no_claims_query()).verdict ==
        Verdict::inconclusive);
    CHECK(check_duplicate_users(storm(9).per_user(2).grant("a").grant("a").no_claims_query())
              .verdict == Verdict::holds);
    CHECK(check_duplicate_users(storm(9).lose_reply("a").no_claims_query()).verdict ==
          Verdict::holds);
}

TEST_CASE("without rows the claim ids granted still decide, and the summary says so") {
    const Finding holds = check_duplicate_users(storm(9).grant("a", "1").no_claims_query());
    CHECK(holds.verdict == Verdict::holds);
    CHECK(
        holds.summary ==
        "nobody got more than 1, by the claim ids granted alone: the target names no claims query");
    const Finding found =
        check_duplicate_users(storm(9).grant("a", "1").grant("a", "2").no_claims_query());
    CHECK(found.verdict == Verdict::violated);
    CHECK(found.summary ==
          "1 user got more than 1: 1 too many, up to 2 for one user, by the claim ids granted "
          "alone: the target names no claims query");
    CHECK(sentences(found) ==
          std::vector<std::string>{"a was granted 2 claim ids (attempts 0, 1)"});
}

TEST_CASE("unsettled or unreadable rows are not judged, the claim ids granted are") {
    const Finding rows = check_duplicate_users(storm(9).row("a").row("a").unsettled("busy"));
    CHECK(rows.verdict == Verdict::inconclusive);
    CHECK(rows.summary == "the stores had not settled: busy");
    CHECK(
        check_duplicate_users(storm(9).grant("a", "1").grant("a", "2").unsettled("busy")).verdict ==
        Verdict::violated);
    const Finding unread =
        check_duplicate_users(storm(9).grant("a", "1").claims_unreadable("gone"));
    CHECK(unread.verdict == Verdict::inconclusive);
    CHECK(unread.summary == "the claims query could not be read: gone");
}

TEST_CASE("a cut history leaves a duplicate a duplicate and proves no absence") {
    CHECK(check_duplicate_users(storm(9).row("a").row("a").history_cut("tail")).verdict ==
          Verdict::violated);
    CHECK(check_duplicate_users(storm(9).sold(1).history_cut("tail")).verdict ==
          Verdict::inconclusive);
}

TEST_CASE("duplicate_users is skipped with neither rows nor attempts, judged with either") {
    CHECK(check_duplicate_users(storm(9).no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_duplicate_users(storm(9).row("a").row("a")).verdict == Verdict::violated);
}

}  // namespace claimstorm::test
