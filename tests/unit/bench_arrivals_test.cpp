#include <catch2/catch.hpp>

#include "bench/arrivals.h"

using namespace claimstorm::bench;

namespace {

constexpr StampNs kStepNs = 100'000;  // 10,000 a second
constexpr double kPerSecond = 10'000;

std::vector<StampNs> on_the_grid(std::size_t count) {
    std::vector<StampNs> arrivals;
    arrivals.reserve(count);
    for (std::size_t k = 0; k < count; ++k) {
        arrivals.push_back(1'000'000'000 + static_cast<StampNs>(k) * kStepNs);
    }
    return arrivals;
}

}  // namespace

TEST_CASE("a sender that keeps the grid has no lag") {
    CHECK(grid_lag_us_p99(on_the_grid(1000), kPerSecond).value() == Approx(0).margin(0.1));
}

TEST_CASE("arrivals lag alike in whatever order connections are read") {
    std::vector<StampNs> arrivals = on_the_grid(1000);
    std::swap(arrivals[10], arrivals[500]);
    CHECK(grid_lag_us_p99(arrivals, kPerSecond).value() == Approx(0).margin(0.1));
}

TEST_CASE("a sender that clumps every 10 ms lags by nearly 10 ms") {
    std::vector<StampNs> arrivals = on_the_grid(10'000);
    for (std::size_t k = 0; k < arrivals.size(); ++k) arrivals[k] = arrivals[k / 100 * 100];
    // The last of a clump is 9.9 ms early; the grid is laid by the earliest, so the first lags.
    const double lag_us = grid_lag_us_p99(arrivals, kPerSecond).value();
    CHECK(lag_us > 9'000);
    CHECK(lag_us < 10'000);
}

TEST_CASE("a sender that falls behind lags by what it is behind in the end") {
    std::vector<StampNs> arrivals = on_the_grid(1000);
    for (std::size_t k = 0; k < arrivals.size(); ++k) {
        arrivals[k] += static_cast<StampNs>(k) * kStepNs;  // half the rate
    }
    CHECK(grid_lag_us_p99(arrivals, kPerSecond).value() == Approx(98'000).epsilon(0.01));
}

TEST_CASE("of few arrivals no lag is told") {
    CHECK_FALSE(grid_lag_us_p99(on_the_grid(99), kPerSecond));
}

TEST_CASE("the spread is that of the arrivals asked for, and unknown when fewer came") {
    const std::vector<StampNs> arrivals = {9'000'000, 1'000'000, 2'000'000, 5'000'000};
    CHECK(spread_ms(arrivals, 0, 4).value() == Approx(8));
    CHECK(spread_ms(arrivals, 1, 2).value() == Approx(3));
    CHECK_FALSE(spread_ms(arrivals, 1, 4));
    CHECK_FALSE(spread_ms({}, 0, 0));
}
