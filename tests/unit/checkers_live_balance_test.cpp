#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "checkers/catalog.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

constexpr TimeNs kMs = 1'000'000;

/// A sample in which nothing is queued.
struct Seen {
    TimeNs begun = 0;
    TimeNs ended = 0;
    std::int64_t rows = 0;
};

/// Three grants, told at 1000, 2000 and 3000, that are all stored in the end.
EvidenceBuilder three_sold() {
    return storm(5).sold(3).backlog(0);
}

}  // namespace

TEST_CASE("as many rows and queued claims as were told are in balance, one fewer is early") {
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 2).queued(1)).verdict ==
          Verdict::holds);
    const Finding early = check_live_balance(three_sold().sample(3001, 3002, 1).queued(1));
    CHECK(early.verdict == Verdict::violated);
    CHECK(early.strength == Strength::possible);
    CHECK(figures(early)["early"] == 1);
    CHECK(figures(early)["unasked"] == 0);
    CHECK(figures(early)["rows_behind"] == 2);
    CHECK(says(early, "1 claim told yes before a row or the backlog had it"));
    REQUIRE(early.witnesses.size() == 1);
    CHECK(early.witnesses[0].key == "samples.ndjson:1");
    CHECK(says(check_live_balance(three_sold().sample(3001, 3002, 0).queued(1)),
               "2 claims told yes before a row or the backlog had them"));
}

TEST_CASE("the backlog that counts for the answers is the one read before the rows") {
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 0).queued(3, 0)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 0).queued(0, 3)).verdict ==
          Verdict::violated);
}

TEST_CASE("a grant told in the instant in which a sample begins was not told before it") {
    CHECK(check_live_balance(three_sold().sample(3000, 3002, 2).queued(0)).verdict ==
          Verdict::holds);
    CHECK(check_live_balance(three_sold().sample(3001, 3002, 2).queued(0)).verdict ==
          Verdict::violated);
}

TEST_CASE("without a backlog the rows' lag is a figure and accuses nobody") {
    const Finding finding = check_live_balance(three_sold().sample(3001, 3002, 0));
    CHECK(finding.verdict == Verdict::holds);
    CHECK(figures(finding)["rows_behind"] == 3);
    CHECK(figures(finding)["early"] == 0);
    CHECK(says(finding, "up to 3 behind the answers, and the target names no backlog"));
}

TEST_CASE("a backlog whose parts were not read at once accuses nobody") {
    EvidenceBuilder story = three_sold().sample(3001, 3002, 0).queued(0);
    story.raw().samples->back().backlog_at_once = false;
    const Finding finding = check_live_balance(story);
    CHECK(finding.verdict == Verdict::holds);
    CHECK(says(finding, "cannot be read at once"));
}

TEST_CASE("a claim that is missing at rest is lost, not early") {
    const EvidenceBuilder lost =
        storm(5).sold(2).grant("x", "9").backlog(0).sample(3001, 3002, 2).queued(0);
    CHECK(check_live_balance(lost).verdict == Verdict::holds);
    CHECK(check_lost_claims(lost).verdict == Verdict::violated);
    CHECK(figures(check_live_balance(
              storm(5).sold(2).grant("x", "9").backlog(0).sample(3001, 3002, 1).queued(0)))
              ["early"] == 1);
}

TEST_CASE("how long answers ran ahead is told from balance to balance, at most") {
    // Refused long before anything is granted, at 1, 2 and 9 ms.
    EvidenceBuilder granted = storm(5).refuse("r").backlog(0);
    for (const TimeNs done : {9, 1, 2}) {
        granted.sold(1, "u" + std::to_string(done), static_cast<int>(done))
            .change_last([done](Attempt& attempt) { attempt.done_ns = done * kMs; });
    }
    const auto early_ms = [&granted](std::initializer_list<Seen> samples) {
        EvidenceBuilder story = granted;
        for (const Seen& seen : samples) story.sample(seen.begun, seen.ended, seen.rows).queued(0);
        return figures(check_live_balance(story))["early_ms"];
    };
    SECTION("never, however long a sample takes") {
        CHECK(early_ms({{kMs, 5 * kMs, 0}, {6 * kMs, 8 * kMs, 2}, {9 * kMs, 20 * kMs, 2}}) == 0);
    }
    SECTION("from the first grant, which no sample saw in balance") {
        CHECK(early_ms({{3 * kMs, 3 * kMs, 1}, {4 * kMs, 5 * kMs, 2}}) == 4);
        CHECK(early_ms({{10'000, 20'000, 0}, {3 * kMs, 3 * kMs, 1}, {4 * kMs, 5 * kMs, 2}}) == 4);
    }
    SECTION("a part of a millisecond is a whole one") {
        CHECK(early_ms({{3 * kMs, 3 * kMs, 1}, {4 * kMs, 5 * kMs + 1, 2}}) == 5);
    }
    SECTION("from the beginning of the sample that was in balance to the end of the next") {
        CHECK(early_ms({{3 * kMs, 4 * kMs, 2}, {10 * kMs, 11 * kMs, 2}, {12 * kMs, 13 * kMs, 3}}) ==
              10);
    }
    SECTION("to the last sample, where none was in balance again") {
        CHECK(early_ms({{3 * kMs, 4 * kMs, 2}, {10 * kMs, 11 * kMs, 2}}) == 8);
        CHECK(early_ms({{3 * kMs, 4 * kMs, 2}, {10 * kMs, 11 * kMs, 2}, {15 * kMs, 15 * kMs, 2}}) ==
              12);
    }
    SECTION("more than once: the longest, not what lies between") {
        const Seen once{3 * kMs, 3 * kMs, 1};
        const Seen balanced{4 * kMs, 5 * kMs, 2};
        CHECK(early_ms({once, balanced, {8 * kMs, 40 * kMs, 2}, {50 * kMs, 50 * kMs, 3}}) == 4);
        CHECK(early_ms({once, balanced, {5 * kMs, 5 * kMs, 2}, {10 * kMs, 10 * kMs, 2}}) == 5);
        CHECK(early_ms({once, balanced, {5 * kMs, 6 * kMs, 1}, {7 * kMs, 7 * kMs, 2}}) == 4);
        CHECK(early_ms({once, balanced, {6 * kMs, 7 * kMs, 1}}) == 4);
    }
}

TEST_CASE("answers that ran ahead are told with the worst sample, each sample a witness") {
    EvidenceBuilder story = three_sold()
                                .sample(500, 600, 0)
                                .queued(0)
                                .sample(2'500'000, 2'600'000, 1)
                                .queued(0)
                                .sample(4'000'000, 4'250'000, 1)
                                .queued(1)
                                .sample(5'000'000, 5'000'000, 3)
                                .queued(0);
    const Finding finding = check_live_balance(story);
    CHECK(finding.summary ==
          "2 claims told yes before a row or the backlog had them, for 5 ms at most: a crash then "
          "loses them");
    CHECK(sentences(finding) ==
          std::vector<std::string>{"sample 2, 2.5 to 2.6 ms after the release: 1 new row and 0 "
                                   "queued, 3 claims told before: 2 of them nowhere",
                                   "sample 3, 4.0 to 4.2 ms after the release: 1 new row and 1 "
                                   "queued, 3 claims told before: 1 of them nowhere"});
    REQUIRE(finding.witnesses.size() == 2);
    CHECK(finding.witnesses[0].key == "samples.ndjson:2");
    CHECK(finding.witnesses[1].key == "samples.ndjson:3");
    CHECK(check_live_balance(three_sold().sample(3001, 2'000'000, 2).queued(0)).summary ==
          "1 claim told yes before a row or the backlog had it, for 2 ms at most: a crash then "
          "loses it");
}

TEST_CASE("each way of running ahead is told, the certain one first and for the strength") {
    const Finding finding = check_live_balance(storm(9)
                                                   .refuse("r")
                                                   .refuse("s")
                                                   .sold(2)
                                                   .backlog(0)
                                                   .sample(1'001, 1'002, 1)
                                                   .queued(0)
                                                   .sample(1'999, 1'999, 5)
                                                   .queued(0)
                                                   .sample(1'999, 1'999, 4)
                                                   .queued(0)
                                                   .sample(2'500, 2'600, 2)
                                                   .queued(0)
                                                   .sample(5'000, 5'001, 0)
                                                   .queued(0));
    CHECK(finding.strength == Strength::definite);
    CHECK(finding.summary ==
          "3 rows stood beyond all attempts that had been sent; 1 row stood that no granted, "
          "unanswered or failed attempt explains; 2 claims told yes before a row or the backlog "
          "had them, for 1 ms at most: a crash then loses them");
    CHECK(sentences(finding) ==
          std::vector<std::string>{
              "sample 2, 0.0 to 0.0 ms after the release: 5 new rows and 0 queued, 2 attempts sent "
              "by then: 3 too many",
              "sample 3, 0.0 to 0.0 ms after the release: 4 new rows and 0 queued, 2 attempts sent "
              "by then: 2 too many",
              "sample 4, 0.0 to 0.0 ms after the release: 2 new rows and 0 queued, 1 claim that "
              "can have one by then: 1 too many",
              "sample 5, 0.0 to 0.0 ms after the release: 0 new rows and 0 queued, 2 claims told "
              "before: "
              "2 of them nowhere"});
}

TEST_CASE(
    "only samples that show the rows and the whole backlog at once are held against answers") {
    const auto with = [](auto&& change) {
        EvidenceBuilder story =
            three_sold().sample(3001, 3002, 2).queued(1).sample(4000, 4001, 0).queued(0);
        change(story.raw().samples->back());
        return check_live_balance(story);
    };
    const std::string in_balance =
        "2 samples: no row before it was asked for, no yes before a row or the backlog had its "
        "claim";
    CHECK(with([](StoreSample& s) { s.rows = std::int64_t{3}; }).summary == in_balance);
    CHECK(with([](StoreSample&) {}).verdict == Verdict::violated);
    CHECK(with([](StoreSample& s) { s.backlog_before = Unreadable{"gone"}; }).summary ==
          in_balance);
    CHECK(with([](StoreSample& s) { s.backlog_before = {}; }).summary == in_balance);
    CHECK(with([](StoreSample& s) { s.backlog_at_once = false; }).summary == in_balance);
}

TEST_CASE("a backlog that is longer than a number is no reason to run over") {
    CHECK(check_live_balance(
              three_sold().sample(3001, 3002, 3).queued(std::numeric_limits<std::int64_t>::max()))
              .verdict == Verdict::holds);
}

TEST_CASE("what is missing of the evidence is said, and never green") {
    const auto verdict = [](const EvidenceBuilder& story) {
        return check_live_balance(story).verdict;
    };
    const auto summary = [](const EvidenceBuilder& story) {
        return check_live_balance(story).summary;
    };
    CHECK(verdict(storm(1)) == Verdict::skipped);
    CHECK(verdict(storm(1).sample(0, 1, 0)) == Verdict::skipped);  // nobody claimed
    CHECK(verdict(storm(1).grant("u").no_claims_query().sample_unread(0, 1, {})) ==
          Verdict::skipped);
    const auto old = [](EvidenceBuilder story) { return story.sold(1).sample(1001, 1002, 0); };
    CHECK(verdict(old(storm(1).baseline_unreadable("gone"))) == Verdict::inconclusive);
    CHECK(summary(old(storm(1).baseline_unreadable("gone"))) ==
          "the rows before the storm could not be read: gone");
    CHECK(verdict(old(storm(1).no_baseline())) == Verdict::inconclusive);
    CHECK(summary(old(storm(1).no_baseline())) == "the rows before the storm are not known");
    // Of a run that ended before its audit it is not known what the target names.
    EvidenceBuilder ended = old(storm(1)).no_claims_query();
    ended.raw().audited = false;
    CHECK(summary(ended) == "the rows before the storm are not known");
    EvidenceBuilder none = storm(1).sold(1);
    none.raw().samples.emplace();
    CHECK(verdict(none) == Verdict::inconclusive);
    CHECK(summary(none) == "no sample was taken");
    CHECK(verdict(three_sold().unsettled("moving").sample(3001, 3002, 0).queued(0)) ==
          Verdict::inconclusive);
}

TEST_CASE("samples without rows are counted, with the first reason why") {
    const auto unread = [](EvidenceBuilder story) {
        return check_live_balance(story.sample_unread(4000, 4001, Unreadable{"no such table"})
                                      .sample_unread(5000, 5001, Unreadable{"gone"}));
    };
    CHECK(unread(three_sold()).verdict == Verdict::inconclusive);
    CHECK(unread(three_sold()).summary == "no sample has rows: no such table");
    const Finding some = unread(three_sold().sample(3001, 3002, 3).queued(0));
    CHECK(some.verdict == Verdict::holds);
    CHECK(some.summary ==
          "1 sample: no row before it was asked for, no yes before a row or the backlog had its "
          "claim; 2 without rows: no such table");
    CHECK(check_live_balance(three_sold().sample_unread(3001, 3002, {})).summary ==
          "no sample has rows: not asked for");
}

TEST_CASE("why the answers are not held against the stores is said") {
    const auto blind = [](auto&& change) {
        EvidenceBuilder story =
            three_sold().sample(2500, 2501, 1).queued(0).sample(3001, 3002, 1).queued(0);
        for (StoreSample& sample : *story.raw().samples) change(sample);
        return check_live_balance(story);
    };
    const std::string behind =
        "2 samples: no row before it was asked for; the rows were up to 2 behind the answers, and ";
    const Finding unnamed = blind([](StoreSample& sample) { sample.backlog_before = {}; });
    CHECK(unnamed.verdict == Verdict::holds);
    CHECK(unnamed.summary ==
          behind + "the target names no backlog in which those claims may have been");
    const Finding unread =
        blind([](StoreSample& sample) { sample.backlog_before = Unreadable{"gone"}; });
    CHECK(unread.verdict == Verdict::inconclusive);
    CHECK(unread.summary == behind + "the backlog could never be read");
    const Finding in_parts = blind([](StoreSample& sample) { sample.backlog_at_once = false; });
    CHECK(in_parts.verdict == Verdict::holds);
    CHECK(in_parts.summary == behind + "the parts of the backlog cannot be read at once");
    // One part that is read while the rows are not is no reason of the target's.
    const Finding apart = check_live_balance(
        three_sold().sample(2500, 2501, 3).sample_unread(3001, 3002, Unreadable{"gone"}).queued(0));
    CHECK(apart.summary == "1 sample: no row before it was asked for; 1 without rows: gone");
}

TEST_CASE("a cut history may lack who asked, and never makes an answer early") {
    const Finding rows =
        check_live_balance(storm(9).sold(1).history_cut("cut").sample(1001, 1002, 2));
    CHECK(rows.verdict == Verdict::inconclusive);
    CHECK(rows.summary ==
          "1 row stood beyond all attempts that had been sent; but the history is cut: cut");
    CHECK(check_live_balance(three_sold().history_cut("cut").sample(3001, 3002, 3).queued(0))
              .verdict == Verdict::inconclusive);
    const auto early = [] {
        return three_sold().history_cut("cut").sample(3001, 3002, 2).queued(0);
    };
    CHECK(check_live_balance(early()).verdict == Verdict::violated);
    CHECK(check_live_balance(early()).summary ==
          "1 claim told yes before a row or the backlog had it, for 1 ms at most: a crash then "
          "loses it");
    // Beside them rows that nobody asked for are as many as before.
    CHECK(check_live_balance(early().sample(3003, 3004, 4).queued(0)).verdict == Verdict::violated);
}

}  // namespace claimstorm::test
