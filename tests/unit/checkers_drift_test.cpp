#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// 40 of 100 sold, 5 queued, 55 left in the cache, before the storm all 100: nothing drifts.
EvidenceBuilder balanced_cache() {
    auto story = storm(100).sold(40).backlog(5).cache(55);
    story.raw().before.cache_remaining = 100;
    story.raw().before.backlog = 0;
    return story;
}

/// 40 of 100 sold, the database says so.
EvidenceBuilder balanced_database() {
    auto story = storm(100).sold(40).remaining(60);
    story.raw().before.remaining = 100;
    story.raw().after.stock = 100;
    return story;
}

}  // namespace

TEST_CASE("cache, rows and queue that add up to the stock do not drift") {
    const Finding finding = check_cache_drift(balanced_cache().lose_reply("x"));
    CHECK(finding.check == "cache_drift");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "100 - 55 in the cache - 40 rows - 5 queued = 0");
    CHECK(figures(finding) == Figures{{"stock", 100},
                                      {"cache_remaining", 55},
                                      {"rows", 40},
                                      {"backlog", 5},
                                      {"drift", 0},
                                      {"indeterminate", 1},
                                      {"drift_before", 0}});
    CHECK(finding.witness_count == 0);
}

TEST_CASE("in a sum only what is below zero stands in parentheses") {
    CHECK(check_cache_drift(storm(3).sold(3).cache(0)).summary ==
          "3 - 0 in the cache - 3 rows = 0");
    CHECK(check_cache_drift(storm(3).sold(4).cache(-1)).summary ==
          "3 - (-1) in the cache - 4 rows = 0");
}

TEST_CASE("each part of the sum alone makes the cache drift") {
    for (const std::int64_t off : {-1, 1}) {
        INFO(off);
        CHECK(check_cache_drift(balanced_cache().cache(55 + off)).verdict == Verdict::violated);
        CHECK(check_cache_drift(balanced_cache().backlog(5 + off)).verdict == Verdict::violated);
        auto stock = balanced_cache();
        stock.raw().campaign.stock += off;
        CHECK(check_cache_drift(stock).verdict == Verdict::violated);
    }
    CHECK(check_cache_drift(balanced_cache().row("x", "900")).verdict == Verdict::violated);
    auto unnamed = balanced_cache();
    unnamed.raw().after.backlog = {};
    CHECK(check_cache_drift(unnamed).verdict == Verdict::violated);
    CHECK(check_cache_drift(unnamed.cache(60)).verdict == Verdict::holds);
}

TEST_CASE("units that belong to nobody have leaked") {
    const Finding finding = check_cache_drift(balanced_cache().cache(48));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary ==
          "100 - 48 in the cache - 40 rows - 5 queued = 7: units leaked: 7 can never be sold; "
          "every attempt was answered, so lost replies do not explain it");
    CHECK(figures(finding).at("drift") == 7);
    CHECK(sentences(finding) == std::vector<std::string>{"redis.remaining is 48 and should be 55"});
    CHECK(finding.witnesses[0].key == "redis.remaining");
}

TEST_CASE("units the cache offers although they are gone are an oversell waiting to happen") {
    const Finding finding = check_cache_drift(balanced_cache().cache(58));
    CHECK(
        says(finding, "oversell waiting to happen: the cache still offers 3 units that are gone"));
    // 99 of 100 are sold, so 9 of the 10 units on offer are gone.
    CHECK(says(check_cache_drift(storm(100).sold(99).cache(10)), "still offers 9 units"));
    // Oversold already by 20, and the cache offers 2 more.
    CHECK(says(check_cache_drift(storm(100).sold(120).cache(2)), "still offers 2 units"));
}

TEST_CASE("an empty cache beside too many rows was passed by, it offers nothing") {
    const Finding finding = check_cache_drift(storm(100).sold(103).cache(0));
    CHECK(finding.verdict == Verdict::violated);
    CHECK(says(finding, "= -3: 3 claims passed the cache without taking a unit"));
}

TEST_CASE("a cache below zero was decremented for claims that were refused") {
    CHECK(
        says(check_cache_drift(storm(100).sold(100).cache(-5)),
             "= 5: the cache ran 5 below zero, decrements for refused claims were not restored;"));
    CHECK_FALSE(says(check_cache_drift(storm(100).sold(100).cache(-5)), "can never be sold"));
    CHECK(says(check_cache_drift(storm(100).sold(80).backlog(5).cache(-5)),
               "= 20: the cache ran 5 below zero, decrements for refused claims were not restored; "
               "15 units can never be sold"));
    const Finding burnt = check_cache_drift(storm(100).sold(90).cache(-5));
    CHECK(says(burnt, "= 15: the cache ran 5 below zero"));
    CHECK(says(burnt, "; 10 units can never be sold"));
    CHECK(says(check_cache_drift(storm(100).sold(99).cache(0)), "units leaked: 1 can never"));
}

TEST_CASE("a drift is explainable by as many lost replies and not by fewer") {
    auto story = balanced_cache().cache(53).lose_reply("x");
    CHECK(says(check_cache_drift(story), "; 1 attempt without an answer cannot explain it"));
    CHECK(says(check_cache_drift(story.attempt("y", Outcome::pending)),
               "; 2 attempts without an answer could explain it"));
    CHECK(says(check_cache_drift(balanced_cache().cache(57).lose_reply("x").lose_reply("y")),
               "; 2 attempts without an answer could explain it"));
    const Finding cut = check_cache_drift(balanced_cache().cache(53).history_cut("tail"));
    CHECK(cut.verdict == Verdict::violated);
    CHECK(says(cut, "but the history is cut: tail"));
    CHECK_FALSE(says(cut, "every attempt was answered"));
    const Finding audit = check_cache_drift(storm(100).rows(40, "u", 1).cache(53));
    CHECK(audit.summary ==
          "100 - 53 in the cache - 40 rows = 7: units leaked: 7 can never be sold");
}

TEST_CASE("a cache that had drifted before the storm is told from one that drifted in it") {
    auto before = balanced_cache().cache(53);
    before.raw().before.cache_remaining = 98;
    const Finding finding = check_cache_drift(before);
    CHECK(finding.verdict == Verdict::violated);
    CHECK(figures(finding).at("drift_before") == 2);
    CHECK(says(finding, "; it was so before the storm"));
    before.raw().before.backlog = 1;
    CHECK(figures(check_cache_drift(before)).at("drift_before") == 1);
    CHECK_FALSE(says(check_cache_drift(before), "it was so before"));
    before.raw().before.ledger.value().rows.push_back({});
    CHECK(figures(check_cache_drift(before)).at("drift_before") == 0);
}

TEST_CASE("what the baseline lacks leaves out drift_before and nothing else") {
    auto cold = balanced_cache();
    cold.raw().before.cache_remaining = Unreadable{"no such key"};
    CHECK(check_cache_drift(cold).verdict == Verdict::holds);
    CHECK(figures(check_cache_drift(cold)).count("drift_before") == 0);
    auto queue = balanced_cache();
    queue.raw().before.backlog = Unreadable{"WRONGTYPE"};
    CHECK(figures(check_cache_drift(queue)).count("drift_before") == 0);
    auto unnamed = balanced_cache();
    unnamed.raw().before.backlog = {};
    CHECK(figures(check_cache_drift(unnamed)).at("drift_before") == 0);
    CHECK(figures(check_cache_drift(balanced_cache().baseline_unreadable("x")))
              .count("drift_before") == 0);
}

TEST_CASE(
    "cache_drift is skipped without a counter or rows, inconclusive when unread or unsettled") {
    CHECK(check_cache_drift(storm(1)).verdict == Verdict::skipped);
    CHECK(check_cache_drift(storm(1)).summary == "the target names no cache counter");
    CHECK(check_cache_drift(storm(1).cache(0).no_claims_query()).verdict == Verdict::skipped);
    CHECK(check_cache_drift(balanced_cache().cache(0).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    auto cache = balanced_cache();
    cache.raw().after.cache_remaining = Unreadable{"no such key"};
    CHECK(check_cache_drift(cache).verdict == Verdict::inconclusive);
    CHECK(check_cache_drift(cache).summary == "the cache counter could not be read: no such key");
    auto queue = balanced_cache();
    queue.raw().after.backlog = Unreadable{"WRONGTYPE"};
    CHECK(check_cache_drift(queue).verdict == Verdict::inconclusive);
    CHECK(check_cache_drift(balanced_cache().claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
}

TEST_CASE("a database counter that follows its rows does not drift") {
    const Finding finding = check_database_drift(balanced_database());
    CHECK(finding.check == "database_drift");
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary == "100 - 60 remaining = 40, as many as the 40 rows");
    CHECK(figures(finding) == Figures{{"stock", 100},
                                      {"remaining", 60},
                                      {"rows", 40},
                                      {"drift", 0},
                                      {"database_stock", 100},
                                      {"drift_before", 0}});
    CHECK(finding.witness_count == 0);
}

TEST_CASE("each part of the sum alone makes the database drift") {
    for (const std::int64_t off : {-1, 1}) {
        INFO(off);
        const Finding finding = check_database_drift(balanced_database().remaining(60 + off));
        CHECK(finding.verdict == Verdict::violated);
        CHECK(finding.strength == Strength::definite);
        CHECK(figures(finding).at("drift") == -off);
        auto stock = balanced_database();
        stock.raw().campaign.stock += off;
        CHECK(check_database_drift(stock).verdict == Verdict::violated);
    }
    CHECK(check_database_drift(balanced_database().row("x", "900")).verdict == Verdict::violated);
}

TEST_CASE("the numbers of a database drift name its pattern") {
    const Finding lost = check_database_drift(storm(100).sold(154).remaining(4));
    CHECK(lost.summary ==
          "100 - 4 remaining = 96, but 154 rows stored: remaining is 58 too high: lost updates, an "
          "absolute write after a stale read");
    CHECK(sentences(lost) ==
          std::vector<std::string>{"mysql.stock.remaining is 4 and should be -54"});
    CHECK(lost.witnesses[0].key == "mysql.stock.remaining");
    CHECK(says(check_database_drift(storm(100).sold(103).remaining(0)),
               "remaining is 3 too high: an unchecked write"));
    CHECK(says(check_database_drift(storm(100).sold(105).remaining(-3)),
               "remaining is 2 too high: rows were stored although no unit was taken"));
    CHECK(says(check_database_drift(storm(100).sold(30).remaining(60)),
               "10 units decremented without a claim row"));
    CHECK_FALSE(says(check_database_drift(storm(100).sold(30).remaining(0)), "below zero"));
    CHECK(says(check_database_drift(storm(100).sold(100).remaining(-2)),
               "2 units decremented without a claim row, the counter ran 2 below zero"));
}

TEST_CASE("a counter that follows its rows below zero is said to be unguarded") {
    const Finding finding = check_database_drift(storm(100).sold(154).remaining(-54));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(finding.summary ==
          "100 - (-54) remaining = 154, as many as the 154 rows; it ran below zero, so nothing "
          "guards "
          "it");
    CHECK_FALSE(says(check_database_drift(storm(1).sold(1).remaining(0)), "below zero"));
}

TEST_CASE("a stock that the database and the campaign disagree about is said") {
    auto story = balanced_database();
    story.raw().after.stock = 120;
    const Finding finding = check_database_drift(story);
    CHECK(finding.verdict == Verdict::holds);
    CHECK(says(finding, "; the database gives its stock as 120, the campaign as 100"));
    CHECK(figures(finding).at("database_stock") == 120);
    CHECK_FALSE(says(check_database_drift(balanced_database()), "gives its stock"));
    story.raw().after.stock = {};
    CHECK(figures(check_database_drift(story)).count("database_stock") == 0);
}

TEST_CASE("a database that had drifted before the storm is told from one that drifted in it") {
    auto story = balanced_database().remaining(57);
    story.raw().before.remaining = 97;
    CHECK(figures(check_database_drift(story)).at("drift_before") == 3);
    CHECK(says(check_database_drift(story), "; it was so before the storm"));
    story.raw().before.ledger.value().rows.push_back({});
    CHECK(figures(check_database_drift(story)).at("drift_before") == 2);
    CHECK_FALSE(says(check_database_drift(story), "it was so before"));
    story.raw().before.remaining = {};
    CHECK(figures(check_database_drift(story)).count("drift_before") == 0);
    CHECK(figures(check_database_drift(balanced_database().baseline_unreadable("x")))
              .count("drift_before") == 0);
}

TEST_CASE(
    "database_drift is skipped without a column or rows, inconclusive when unread or unsettled") {
    CHECK(check_database_drift(storm(1)).verdict == Verdict::skipped);
    CHECK(check_database_drift(storm(1)).summary == "the target names no remaining column");
    CHECK(check_database_drift(storm(1).remaining(1).no_claims_query()).verdict ==
          Verdict::skipped);
    CHECK(check_database_drift(balanced_database().remaining(9).unsettled("busy")).verdict ==
          Verdict::inconclusive);
    CHECK(check_database_drift(balanced_database().claims_unreadable("gone")).verdict ==
          Verdict::inconclusive);
    auto story = balanced_database();
    story.raw().after.remaining = Unreadable{"no such column"};
    CHECK(check_database_drift(story).verdict == Verdict::inconclusive);
}

}  // namespace claimstorm::test
