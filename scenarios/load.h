#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "model/result.h"
#include "scenarios/scenario.h"
#include "storm/figures.h"

namespace claimstorm {

/// What a storm without an audit came to.
struct FinishedLoad {
    Result result;
    std::unique_ptr<StormRecorder> recorder;
    bool interrupted = false;
};

/// Fires the scenario's storm at its target (not a reference one) and judges its gates: no store is
/// read, no check made, the target not prepared. `folder` empty: nothing is kept; else it becomes a
/// run folder that `check` and `history` read. Throws as `run_storm` does.
FinishedLoad run_load(const Scenario& scenario, std::uint64_t seed,
                      const std::filesystem::path& folder, const std::atomic<bool>& stop,
                      const std::function<void(std::uint64_t, std::uint64_t)>& on_progress);

}  // namespace claimstorm
