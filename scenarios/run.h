#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/result.h"
#include "scenarios/scenario.h"
#include "scenarios/watch.h"

namespace claimstorm {

struct StormProgress;

struct RunOptions {
    std::optional<std::uint64_t> seed;     ///< else the scenario's, else drawn
    std::filesystem::path folder;          ///< empty: runs/<UTC time>-<name>/
    std::filesystem::path server_program;  ///< for reference targets; empty: beside this program
    std::string mysql_url;                 ///< for reference targets: these stores, not a lab
    std::string redis_url;
    TransportKind transport = TransportKind::chosen;  ///< else the target's own
    /// Told when a phase begins: "starting a lab and coupon/naive", "storm: 2,400 attempts" …
    std::function<void(std::string_view)> on_phase;
    std::function<void(const StormProgress&)> on_progress;
    std::optional<WatchOptions> watch;  ///< read the stores while the storm runs
};

struct FinishedRun {
    Result result;
    std::filesystem::path folder;
    bool interrupted = false;  ///< the storm was ended early; the history is kept
};

/// The whole path: prepare, baseline, storm, settle, final snapshot, checks, run folder. Until the
/// release any failure leaves nothing behind; from then on the folder stays. Setting `stop` ends it
/// early. Throws UsageError, EnvironmentError, or Interrupted when stopped before the release.
FinishedRun run_scenario(const Scenario& scenario, const RunOptions& options,
                         const std::atomic<bool>& stop);

/// The order a scenario gives to the storm, without its users yet.
struct StormOrder;
StormOrder storm_order(const Scenario& scenario, const Target& target, std::uint64_t seed);

/// A seed from the system's randomness, short enough to type: below 2^32.
std::uint64_t draw_seed();

}  // namespace claimstorm
