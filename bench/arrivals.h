#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "bench/http_loop.h"

namespace claimstorm::bench {

/// First to last of `count` arrivals, those after the first `skipped`, in milliseconds; nullopt
/// when fewer came.
std::optional<double> spread_ms(std::vector<StampNs> arrivals, std::size_t skipped,
                                std::size_t count);

/// How far arrivals lag behind an even grid of `per_second`, at the 99th percentile, in
/// microseconds: the k-th arrival against the k-th point of the grid. The receiver does not know
/// when the grid began, so it is laid such that 1 % of the arrivals are early; those have lag 0.
/// A sender that clumps, or that falls behind, lags. nullopt when fewer than 100 came.
std::optional<double> grid_lag_us_p99(std::vector<StampNs> arrivals, double per_second);

/// The value at `quantile` (0..1), nearest rank; 0 for none.
double quantile(std::vector<double> values, double quantile);

}  // namespace claimstorm::bench
