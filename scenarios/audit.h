#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <string_view>

#include "model/result.h"
#include "scenarios/scenario.h"

namespace claimstorm {

struct AuditOptions {
    std::filesystem::path run;     ///< whose history and baseline are judged as well; may be empty
    std::filesystem::path folder;  ///< run folder for what was found; empty: nothing is kept
    std::function<void(std::string_view)> on_phase;
};

/// Reads the scenario's stores as they are now, changes nothing there, and judges them: with the
/// history and the baseline of `run`, or alone, where checks that need a history are skipped.
/// Without a baseline the stores are taken to have been empty before, which a note says. Throws
/// UsageError, EnvironmentError when a store cannot be reached at all, or Interrupted.
Result audit_scenario(const Scenario& scenario, const AuditOptions& options,
                      const std::atomic<bool>& stop);

}  // namespace claimstorm
