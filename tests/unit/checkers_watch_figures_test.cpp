#include <initializer_list>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "checkers/watch_figures.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

constexpr TimeNs kMs = 1'000'000;

/// A stock of 3, told away at 1, 2 and 3 ms, stored later.
EvidenceBuilder told_away() {
    EvidenceBuilder story = storm(3);
    for (int i = 0; i < 3; ++i) {
        story.grant("u" + std::to_string(i), std::to_string(i)).change_last([i](Attempt& attempt) {
            attempt.done_ns = (i + 1) * kMs;
        });
    }
    story.rows(3, "u", 0).backlog(0).cache(0);
    return story;
}

WatchFigures figures_of(const EvidenceBuilder& story) {
    const auto figures = watch_figures(story);
    REQUIRE(figures);
    return *figures;
}

}  // namespace

TEST_CASE("stores that nobody watched have no figures") {
    CHECK_FALSE(watch_figures(told_away()));
    EvidenceBuilder none = told_away();
    none.raw().samples.emplace();
    CHECK(figures_of(none).samples == 0);
    CHECK(figures_of(none).sold_out_told_ms == 3.0);
    CHECK_FALSE(figures_of(none).converged_ms);
}

TEST_CASE("the stock is gone as told, as taken and as stored, each at its own time") {
    const EvidenceBuilder story = told_away()
                                      .sample(0, 1 * kMs, 0)
                                      .queued(2, 3)
                                      .sample(2 * kMs, 4 * kMs, 1)
                                      .queued(2, 2)
                                      .sample(5 * kMs, 6 * kMs, 2)
                                      .queued(1, 0)
                                      .sample(7 * kMs, 8 * kMs, 3)
                                      .queued(0)
                                      .cached(0)
                                      .sample(9 * kMs, 10 * kMs, 3)
                                      .queued(0)
                                      .cached(0);
    const WatchFigures figures = figures_of(story);
    CHECK(figures.samples == 5);
    CHECK(figures.unread == 0);
    CHECK(figures.first_ms == 0.0);
    CHECK(figures.last_ms == 10.0);
    CHECK(figures.sold_out_told_ms == 3.0);
    CHECK(figures.sold_out_taken_ms == 4.0);
    CHECK(figures.sold_out_stored_ms == 8.0);
    CHECK(figures.converged_ms == 5.0);  // at 8 ms, the last answer having come at 3
    REQUIRE(figures.backlog);
    CHECK(figures.backlog->value == 3);
    CHECK(figures.backlog->at_ms == 1.0);
    REQUIRE(figures.rows_behind);
    CHECK(figures.rows_behind->value == 1);
    CHECK(figures.rows_behind->at_ms == 6.0);
}

TEST_CASE("rows from before the storm are part of the stock that is gone") {
    EvidenceBuilder story = storm(3).old_row("o", "100").sold(2).sample(3000, 4 * kMs, 3);
    CHECK(figures_of(story).sold_out_told_ms == 0.002);
    CHECK(figures_of(story).sold_out_stored_ms == 4.0);
    CHECK(figures_of(story).rows_behind->value == 0);
    CHECK(figures_of(story).first_ms == 0.003);
    CHECK(figures_of(story.sample(5 * kMs, 6 * kMs, 1)).rows_behind->value == 2);
    CHECK_FALSE(figures_of(story).backlog);
    CHECK_FALSE(figures_of(storm(3).sold(2).sample(3000, 4000, 2)).sold_out_told_ms);
    CHECK_FALSE(figures_of(storm(3).sold(2).sample(3000, 4000, 2)).sold_out_taken_ms);
}

TEST_CASE("the stores are at rest from the first sample that is like the last state, each part") {
    const auto converged = [](const EvidenceBuilder& story) {
        return figures_of(story).converged_ms;
    };
    const auto at_rest_but = [](auto&& change) {
        EvidenceBuilder story = told_away()
                                    .sample(4 * kMs, 5 * kMs, 3)
                                    .queued(0)
                                    .cached(0)
                                    .sample(6 * kMs, 7 * kMs, 3)
                                    .queued(0)
                                    .cached(0);
        change(story.raw());
        return story;
    };
    CHECK(converged(at_rest_but([](Evidence&) {})) == 2.0);
    const auto first = [](auto&& change) {
        return [change](Evidence& evidence) { change(evidence.samples->front()); };
    };
    CHECK(converged(at_rest_but(first([](StoreSample& s) { s.rows = std::int64_t{2}; }))) == 4.0);
    CHECK(converged(at_rest_but(
              first([](StoreSample& s) { s.backlog_before = std::int64_t{1}; }))) == 4.0);
    CHECK(converged(at_rest_but(
              first([](StoreSample& s) { s.backlog_after = std::int64_t{1}; }))) == 4.0);
    CHECK(converged(at_rest_but(
              first([](StoreSample& s) { s.cache_remaining = std::int64_t{1}; }))) == 4.0);
    CHECK(converged(at_rest_but(first([](StoreSample& s) { s.rows = Unreadable{"gone"}; }))) ==
          2.0);
    CHECK_FALSE(converged(
        at_rest_but([](Evidence& evidence) { evidence.samples->back().rows = std::int64_t{2}; })));
    CHECK_FALSE(
        converged(at_rest_but([](Evidence& evidence) { evidence.settlement.settled = false; })));
    // At rest before the last answer had come.
    CHECK(converged(told_away().sample(0, kMs, 3).queued(0).cached(0)) == 0.0);
}

TEST_CASE("the stock is told away when the last unit of it is, however many were told") {
    const auto sold_out = [](EvidenceBuilder story, std::initializer_list<TimeNs> told_at_ms) {
        int number = 0;
        for (const TimeNs told : told_at_ms) {
            ++number;
            story.grant("u" + std::to_string(number), std::to_string(number))
                .change_last([told](Attempt& attempt) { attempt.done_ns = told * kMs; });
        }
        story.raw().samples.emplace();
        return figures_of(story).sold_out_told_ms;
    };
    CHECK(sold_out(storm(3), {9, 2, 7, 4, 8}) == 7.0);
    CHECK(sold_out(storm(3).old_row("o1").old_row("o2"), {9, 2, 7}) == 2.0);
    CHECK_FALSE(sold_out(storm(2).old_row("o1").old_row("o2"), {9, 2, 7}));
    CHECK_FALSE(sold_out(storm(4), {9, 2, 7}));
    // Where nobody knows what had been sold before, the whole stock was there.
    CHECK(sold_out(storm(3).baseline_unreadable("gone"), {9, 2, 7}) == 9.0);
}

TEST_CASE("of a backlog of which one reading is missing no unit is taken") {
    const auto taken_ms = [](auto&& change) {
        EvidenceBuilder story =
            told_away().sample(kMs, 2 * kMs, 1).queued(2).sample(3 * kMs, 4 * kMs, 3).queued(0);
        change(story.raw().samples->front());
        return figures_of(story).sold_out_taken_ms;
    };
    CHECK(taken_ms([](StoreSample&) {}) == 2.0);
    CHECK(taken_ms([](StoreSample& s) { s.backlog_before = Unreadable{"gone"}; }) == 4.0);
    CHECK(taken_ms([](StoreSample& s) { s.backlog_after = Unreadable{"gone"}; }) == 4.0);
    CHECK(taken_ms([](StoreSample& s) { s.backlog_before = std::int64_t{1}; }) == 4.0);
    CHECK(taken_ms([](StoreSample& s) { s.backlog_after = std::int64_t{1}; }) == 4.0);
    CHECK(taken_ms([](StoreSample& s) { s.rows = Unreadable{"gone"}; }) == 4.0);
    // As long as a number can be: beside rows it stays that long.
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    CHECK(taken_ms([](StoreSample& s) { s.backlog_before = s.backlog_after = kMost; }) == 2.0);
}

TEST_CASE("a peak is where it was reached first, and rows are never behind by less than none") {
    const WatchFigures figures = figures_of(told_away()
                                                .sample(0, kMs, 2)
                                                .queued(1)
                                                .sample(2 * kMs, 3 * kMs, 2)
                                                .queued(2)
                                                .sample(4 * kMs, 5 * kMs, 3)
                                                .queued(2));
    CHECK(figures.backlog->value == 2);
    CHECK(figures.backlog->at_ms == 3.0);
    CHECK(figures.rows_behind->value == 0);
    CHECK(figures.rows_behind->at_ms == 1.0);
    const EvidenceBuilder unknown =
        told_away().baseline_unreadable("gone").sample(4 * kMs, 5 * kMs, 3);
    CHECK_FALSE(figures_of(unknown).rows_behind);
    CHECK(figures_of(unknown).sold_out_stored_ms == 5.0);
}

TEST_CASE("an attempt without an answer, and parts that were not read, do not keep from rest") {
    const auto converged = [](EvidenceBuilder story) {
        return figures_of(story.sample(4 * kMs, 5 * kMs, 3).queued(0).cached(0)).converged_ms;
    };
    CHECK(converged(told_away()) == 2.0);
    CHECK(converged(told_away().lose_reply("late")) == 2.0);
    CHECK(converged(told_away().refuse("early")) == 2.0);
    CHECK(converged(told_away().claims_unreadable("gone")) == 2.0);
    EvidenceBuilder unread = told_away();
    unread.raw().after.backlog = Unreadable{"gone"};
    unread.raw().after.cache_remaining = {};
    CHECK(converged(unread) == 2.0);
}

TEST_CASE("a sample tells of rest by any one of its parts, and by none without") {
    const auto converged = [](auto&& change) {
        EvidenceBuilder story = told_away().sample_unread(4 * kMs, 5 * kMs, {});
        change(story.raw().samples->front());
        return figures_of(story).converged_ms;
    };
    CHECK_FALSE(converged([](StoreSample&) {}));
    CHECK(converged([](StoreSample& s) { s.rows = std::int64_t{3}; }) == 2.0);
    CHECK(converged([](StoreSample& s) { s.backlog_before = std::int64_t{0}; }) == 2.0);
    CHECK(converged([](StoreSample& s) { s.cache_remaining = std::int64_t{0}; }) == 2.0);
}

TEST_CASE("a sample of which a part could not be read is counted, one that names less is not") {
    const auto unread = [](auto&& change) {
        EvidenceBuilder story = told_away().sample(0, 1, 0).sample(2, 3, 0).queued(0).cached(3);
        change(story.raw().samples->back());
        return figures_of(story).unread;
    };
    CHECK(unread([](StoreSample&) {}) == 0);
    CHECK(unread([](StoreSample& s) { s.rows = Unreadable{"gone"}; }) == 1);
    CHECK(unread([](StoreSample& s) { s.backlog_before = Unreadable{"gone"}; }) == 1);
    CHECK(unread([](StoreSample& s) { s.backlog_after = Unreadable{"gone"}; }) == 1);
    CHECK(unread([](StoreSample& s) { s.cache_remaining = Unreadable{"gone"}; }) == 1);
    CHECK(unread([](StoreSample& s) { s.rows = s.cache_remaining = Unreadable{"gone"}; }) == 1);
}

}  // namespace claimstorm::test
