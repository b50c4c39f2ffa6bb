#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// u0 and u1 hold the two rows, and the cache knows both.
EvidenceBuilder agreed() {
    return storm(5).sold(2).cache_users({"u1", "u0"});
}

Figures figures_of(std::int64_t members, std::int64_t rows, std::int64_t locked_out,
                   std::int64_t can_claim_again) {
    return {{"cache_users", members},
            {"users_with_rows", rows},
            {"locked_out", locked_out},
            {"unanswered", 0},
            {"can_claim_again", can_claim_again},
            {"old", 0}};
}

}  // namespace

TEST_CASE("a set of exactly the users with a row does not drift") {
    const Finding finding = check_user_set_drift(agreed().refuse("late"));
    CHECK(finding.check == "user_set_drift");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "the 2 of the cache's set are the users with a row");
    CHECK(figures(finding) == figures_of(2, 2, 0, 0));
    CHECK(finding.witness_count == 0);
    CHECK(check_user_set_drift(agreed().row("u1", "9")).verdict == Verdict::holds);
    CHECK(check_user_set_drift(storm(5).cache_users({})).verdict == Verdict::holds);
    CHECK(check_user_set_drift(storm(5).sold(1).cache_users({"u0"})).summary ==
          "the one of the cache's set are the users with a row");
}

TEST_CASE("who is in the set without a row is locked out") {
    const Finding finding =
        check_user_set_drift(agreed().refuse("x").cache_users({"u0", "u1", "x"}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "1 user locked out: in the cache's set, without a row");
    CHECK(figures(finding) == figures_of(3, 2, 1, 0));
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "x is in the cache's set, has no row and was told sold_out (attempt 2)"});
    CHECK(finding.witnesses[0].user == "x");
    CHECK(finding.witnesses[0].attempts == std::vector<std::uint64_t>{2});
    CHECK(finding.witness_count == 1);
}

TEST_CASE("who has a row and is not in the set can claim again") {
    const Finding finding = check_user_set_drift(agreed().cache_users({"u0"}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary == "1 user can claim again: with a row, not in the cache's set");
    CHECK(figures(finding) == figures_of(1, 2, 0, 1));
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "u1 has a row, is not in the set and was told granted (attempt 1)"});
    const Finding lost = check_user_set_drift(agreed().cache_users({}));
    CHECK(figures(lost) == figures_of(0, 2, 0, 2));
    CHECK(lost.verdict == Verdict::violated);
}

TEST_CASE("as many members as users with rows prove nothing: they must be the same") {
    const Finding finding = check_user_set_drift(agreed().refuse("x").cache_users({"u0", "x"}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding) == figures_of(2, 2, 1, 1));
    CHECK(finding.summary ==
          "1 user locked out: in the cache's set, without a row; 1 user can claim again: with a "
          "row, not in the cache's set");
    CHECK(finding.witness_count == 2);
}

TEST_CASE("a lost reply explains who is locked out, and excuses nothing") {
    const Finding finding = check_user_set_drift(
        agreed().lose_reply("x").refuse("y").cache_users({"u0", "u1", "x", "y"}));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.summary ==
          "2 users locked out: in the cache's set, without a row (1 never learned the result)");
    CHECK(figures(finding).at("unanswered") == 1);
    CHECK(figures(check_user_set_drift(agreed().lose_reply("x"))).at("unanswered") == 0);
}

TEST_CASE("who drifted before the storm already is counted as old") {
    auto story = storm(5)
                     .old_row("a", "1")
                     .old_row("b", "2")
                     .refuse("u")
                     .old_cache_users({"b", "x"})
                     .cache_users({"b", "x", "y"});
    const Finding finding = check_user_set_drift(story);
    CHECK(figures(finding).at("locked_out") == 2);
    CHECK(figures(finding).at("can_claim_again") == 1);
    CHECK(figures(finding).at("old") == 2);
    CHECK(says(finding, "; 2 of these were so before the storm"));
    // x had a row before, so being locked out is new; a had been in the set.
    auto turned = story;
    turned.deleted_row("x", "3").old_cache_users({"a", "b", "x"});
    CHECK(figures(check_user_set_drift(turned)).at("old") == 0);
    story.baseline_unreadable("denied");
    CHECK(figures(check_user_set_drift(story)).at("old") == 0);
    CHECK(check_user_set_drift(story).verdict == Verdict::violated);
}

TEST_CASE("queued claims may be of those who are locked out, and of nobody who can claim again") {
    auto story = agreed().refuse("x").cache_users({"u0", "u1", "x"});
    const Finding open = check_user_set_drift(story.backlog(1));
    CHECK(open.verdict == Verdict::inconclusive);
    CHECK(says(open, "1 user locked out"));
    CHECK(says(open, "; 1 claim still queued, of users not known"));
    CHECK(figures(open).at("backlog") == 1);
    const Finding none = check_user_set_drift(story.backlog(0));
    CHECK(none.verdict == Verdict::violated);
    CHECK_FALSE(says(none, "queued"));
    CHECK(check_user_set_drift(agreed().refuse("x").cache_users({"u0", "u1", "x", "y"}).backlog(1))
              .verdict == Verdict::violated);
    CHECK(check_user_set_drift(agreed().cache_users({"u0"}).backlog(5)).verdict ==
          Verdict::violated);
    const Finding agreeing = check_user_set_drift(agreed().backlog(1));
    CHECK(agreeing.verdict == Verdict::inconclusive);
    CHECK(says(agreeing, ", but 1 claim still queued, of users not known"));
}

TEST_CASE("a set that spells every user another way accuses nobody, and says so") {
    auto story = storm(9).sold(3).cache_users({"U0", "U1", "U2"});
    const Finding finding = check_user_set_drift(story);
    CHECK(finding.verdict == Verdict::inconclusive);
    CHECK(says(finding, "the cache's set says 'U0', the column user says 'u0'"));
    CHECK(figures(finding) == figures_of(3, 3, 3, 3));
    CHECK(check_user_set_drift(storm(9).rows(3, "u", 1).cache_users({"u0", "x", "y"})).verdict ==
          Verdict::violated);
    // One in common, or one member of the storm, or just two of them: the names are to be trusted.
    CHECK(check_user_set_drift(storm(9).sold(3).cache_users({"U0", "U1", "u2"})).verdict ==
          Verdict::violated);
    CHECK(
        check_user_set_drift(storm(9).sold(3).refuse("x").cache_users({"x", "U1", "U2"})).verdict ==
        Verdict::violated);
    CHECK(check_user_set_drift(storm(9).sold(3).cache_users({"U0", "U1"})).verdict ==
          Verdict::violated);
    CHECK(check_user_set_drift(storm(9).sold(2).cache_users({"U0", "U1", "U2"})).verdict ==
          Verdict::violated);
}

TEST_CASE("rows that spell every user another way accuse nobody of being locked out") {
    auto story = storm(9).grants(3, "u", 1).rows(3, "U", 1).cache_users({"u0", "u1", "u2"});
    CHECK(check_user_set_drift(story).verdict == Verdict::inconclusive);
    CHECK(says(check_user_set_drift(story), "users.template"));
}

TEST_CASE("who drifted is kept as a witness up to the limit and counted beyond it") {
    const Finding finding = check_user_set_drift(storm(300).rows(250, "u", 1).cache_users({"x"}));
    CHECK(finding.witnesses.size() == kWitnessesKept);
    CHECK(finding.witness_count == 251);
}

TEST_CASE("a cut history takes nothing from two sets, and an audit needs none") {
    CHECK(check_user_set_drift(agreed().history_cut("tail")).verdict == Verdict::holds);
    const Finding audit = check_user_set_drift(storm(5).rows(2, "u", 1).cache_users({"u0"}));
    CHECK(audit.verdict == Verdict::violated);
    CHECK(sentences(audit) == std::vector<std::string>{
                                  "u1 has a row, is not in the set and took no part in the storm"});
}

TEST_CASE(
    "user_set_drift is skipped without a set or rows, inconclusive when unread or unsettled") {
    CHECK(check_user_set_drift(storm(1)).verdict == Verdict::skipped);
    CHECK(check_user_set_drift(storm(1)).summary == "the target names no user set in the cache");
    CHECK(check_user_set_drift(storm(1).cache_users({}).no_claims_query()).verdict ==
          Verdict::skipped);
    CHECK(check_user_set_drift(agreed().unsettled("busy")).verdict == Verdict::inconclusive);
    CHECK(check_user_set_drift(agreed().claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    auto set = agreed();
    set.raw().after.cache_users = Unreadable{"WRONGTYPE"};
    CHECK(check_user_set_drift(set).verdict == Verdict::inconclusive);
    auto queue = agreed();
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_user_set_drift(queue).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
