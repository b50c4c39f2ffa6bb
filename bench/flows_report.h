#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

/// What one storm measured of one flow.
struct FlowSample {
    double answers_per_s = 0;
    double sold_out_ms = 0;       ///< release to the first "sold out"
    double latency_ms_p99 = 0;    ///< from the planned send time
    double redis_lock_share = 0;  ///< of the time spent in claims: waiting for a lock in Redis
    double row_lock_share = 0;    ///< the same for InnoDB's row locks
    std::int64_t granted = 0;
};

struct FlowRow {
    std::string label;
    std::vector<FlowSample> samples;  ///< one a round
};

/// The medians as a Markdown table; ratios are to coupon/global-lock/recheck.
std::string flows_table(const std::vector<FlowRow>& rows);

/// Puts the table between the two bench marks of flows.md in `docs`, and the picture beside it as
/// flows.svg. Throws EnvironmentError.
void write_flows_docs(const std::filesystem::path& docs, const std::vector<FlowRow>& rows);
