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

TEST_CASE("a sample of which a part could not be read is counted, one that names less is not") {
    EvidenceBuilder story = told_away()
                                .sample(0, 1, 0)
                                .sample_unread(2, 3, Unreadable{"gone"})
                                .sample(4, 5, 0)
                                .queued(0);
    story.raw().samples->back().cache_remaining = Unreadable{"gone"};
    CHECK(figures_of(story).unread == 2);
}

}  // namespace claimstorm::test
