#include <catch2/catch.hpp>

#include "reports/live_line.h"

namespace claimstorm::test {

TEST_CASE("the live line says what is known, and no more") {
    LiveState state;
    state.ended = 1204;
    state.planned = 2400;
    state.granted = 100;
    CHECK(live_line(state) == "1,204 of 2,400 attempts");
    StoreSample sample;
    sample.ended_ns = 1'249'000'000;
    state.sample = sample;
    CHECK(live_line(state) == "1,204 of 2,400 attempts · 100 granted · 1.2 s");
    state.sample->rows = std::int64_t{1097};
    state.sample->backlog_before = std::int64_t{4};
    state.sample->backlog_after = std::int64_t{3};
    state.sample->cache_remaining = std::int64_t{-1};
    CHECK(live_line(state) ==
          "1,204 of 2,400 attempts · 100 granted · 1,097 rows · 3 queued · cache -1 · 1.2 s");
    LiveState early;
    early.sample = sample;
    CHECK(live_line(early) == "0 granted · 1.2 s");
    state.sample->rows = Unreadable{"gone"};
    state.sample->backlog_after = {};
    state.sample->ended_ns = -1;
    CHECK(live_line(state) ==
          "1,204 of 2,400 attempts · 100 granted · ? rows · 4 queued · cache -1 · 0.0 s");
}

}  // namespace claimstorm::test
