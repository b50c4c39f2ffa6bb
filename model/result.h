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

/// A number that changed while the storm ran, where it was largest.
struct Peak {
    std::int64_t value = 0;
    double at_ms = 0;  ///< after the release
};

/// What was seen of the stores while the storm ran and until they had settled. Instants are those
/// at which a sample had been read: whatever it shows was so then at the latest.
struct WatchFigures {
    std::int64_t samples = 0;
    std::int64_t unread = 0;  ///< samples of which some part could not be read
    double first_ms = 0;      ///< after the release: when the first one began
    double last_ms = 0;       ///< after the release: when the last one had been read
    /// After the release, the stock was gone: as many grants had been told as there was stock; rows
    /// and backlog together, and the rows alone, had come to it.
    std::optional<double> sold_out_told_ms;
    std::optional<double> sold_out_taken_ms;
    std::optional<double> sold_out_stored_ms;
    /// From the last answer until rows, backlog and cache were what they are at rest; 0 when they
    /// were before.
    std::optional<double> converged_ms;
    std::optional<Peak> backlog;      ///< the largest
    std::optional<Peak> rows_behind;  ///< the most claims told that had no row yet
};

/// A judged run: what result.json holds.
struct Result {
    std::string scenario;
    std::uint64_t seed = 0;
    Verdict verdict = Verdict::inconclusive;
    std::vector<Finding> findings;
    std::vector<Gate> gates;
    StormFigures storm;
    std::optional<WatchFigures> watch;  ///< none: the stores were not watched
    /// One-line remarks about the evidence: a truncated history, a value that could not be read.
    std::vector<std::string> notes;
};

}  // namespace claimstorm
