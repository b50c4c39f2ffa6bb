#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/finding.h"
#include "model/outcome.h"

namespace claimstorm {

/// A latency distribution in milliseconds; all zero when nothing was measured.
struct LatencyMs {
    double p50 = 0;
    double p90 = 0;
    double p99 = 0;
    double p999 = 0;
    double max = 0;
};

/// What the storm measured of itself and of the service.
struct StormFigures {
    std::int64_t users = 0;
    std::int64_t attempts = 0;
    std::array<std::int64_t, kOutcomes.size()> outcomes{};                 ///< indexed by Outcome
    std::array<std::int64_t, kTransportErrors.size()> transport_errors{};  ///< `none` not counted
    std::int64_t waited = 0;       ///< attempts for which no connection was free when they were due
    double release_spread_ms = 0;  ///< first to last send among attempts due at the release
    double send_lag_us_p99 = 0;    ///< sent minus due
    LatencyMs latency_ms;          ///< done minus due: what users felt; polls are part of it
    LatencyMs service_ms;          ///< done minus sent: what the service took, polls and all
    double attempts_per_s = 0;
    std::optional<double> time_to_sold_out_ms;  ///< release to the end of the first sold_out answer
    /// TCP connections, TLS and HTTP/2 sessions opened before and during the storm; none when the
    /// history does not say.
    std::optional<std::int64_t> connections_opened;
    double duration_ms = 0;  ///< release to the last answer

    std::int64_t count(Outcome outcome) const {
        return outcomes.at(static_cast<std::size_t>(outcome));
    }
};

/// A judged run: what result.json holds.
struct Result {
    std::string scenario;
    std::uint64_t seed = 0;
    Verdict verdict = Verdict::inconclusive;
    std::vector<Finding> findings;
    std::vector<Gate> gates;
    StormFigures storm;
    /// One-line remarks about the evidence: a truncated history, a value that could not be read.
    std::vector<std::string> notes;
};

}  // namespace claimstorm
