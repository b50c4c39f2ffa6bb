#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

TEST_CASE("a cache that ends at zero was not decremented too often, one below zero was") {
    auto story = storm(2).sold(2).cache(0);
    story.raw().before.cache_remaining = 2;
    const Finding zero = check_over_decrement(story);
    CHECK(zero.verdict == Verdict::holds);
    CHECK(zero.summary == "0 left in the cache");
    CHECK(figures(zero) ==
          Figures{{"cache_remaining", 0}, {"below_zero", 0}, {"cache_remaining_before", 2}});
    CHECK(zero.witness_count == 0);

    const Finding below = check_over_decrement(story.cache(-17));
    CHECK(below.verdict == Verdict::violated);
    CHECK(below.strength == Strength::definite);
    CHECK(below.summary ==
          "the cache is 17 below zero: decremented more often than it had units, and not restored");
    CHECK(figures(below) ==
          Figures{{"cache_remaining", -17}, {"below_zero", 17}, {"cache_remaining_before", 2}});
    CHECK(sentences(below) == std::vector<std::string>{"redis.remaining is -17"});
    CHECK(below.witnesses[0].key == "redis.remaining");
}

TEST_CASE("a cache that was below zero before the storm is said to be so") {
    auto story = storm(2).cache(-1);
    CHECK_FALSE(says(check_over_decrement(story), "before the storm"));
    CHECK(figures(check_over_decrement(story)).count("cache_remaining_before") == 0);
    story.raw().before.cache_remaining = -1;
    CHECK(check_over_decrement(story).verdict == Verdict::violated);
    CHECK(says(check_over_decrement(story), "; it was so before the storm"));
    story.raw().before.cache_remaining = -2;
    CHECK_FALSE(says(check_over_decrement(story), "before the storm"));
}

TEST_CASE("over_decrement asks neither rows nor history, only a counter at rest") {
    CHECK(check_over_decrement(storm(1).no_claims_query().cache(-1)).verdict == Verdict::violated);
    CHECK(check_over_decrement(storm(1).cache(-1).history_cut("tail")).verdict ==
          Verdict::violated);
    CHECK(check_over_decrement(storm(1)).verdict == Verdict::skipped);
    CHECK(check_over_decrement(storm(1)).summary == "the target names no cache counter");
    CHECK(check_over_decrement(storm(1).cache(-1).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    auto gone = storm(1);
    gone.raw().after.cache_remaining = Unreadable{"no such key", true};
    CHECK(check_over_decrement(gone).verdict == Verdict::inconclusive);
    CHECK(check_over_decrement(gone).summary == "the cache counter could not be read: no such key");
}

}  // namespace claimstorm::test
