#include "scenarios/load.h"

#include <optional>
#include <utility>
#include <variant>

#include "scenarios/gates.h"
#include "scenarios/judge.h"
#include "scenarios/run.h"
#include "scenarios/run_folder.h"
#include "scenarios/scenario_file.h"
#include "storm/storm.h"

namespace claimstorm {

FinishedLoad run_load(const Scenario& scenario, std::uint64_t seed,
                      const std::filesystem::path& folder, const std::atomic<bool>& stop,
                      const std::function<void(std::uint64_t, std::uint64_t)>& on_progress) {
    const Plan plan(scenario.storm, seed);
    const StormOrder order = storm_order(scenario, std::get<Target>(scenario.target), seed);
    require_fireable(order);
    std::optional<RunFolder> run;
    std::filesystem::path history;
    if (!folder.empty()) {
        run.emplace(folder, scenario.name);
        write_scenario(run->path(), scenario, seed);
        history = run->path() / "history.bin";
    }
    FinishedLoad finished;
    try {
        StormListener listener;
        listener.on_progress = [&on_progress](const StormProgress& progress) {
            if (on_progress) on_progress(progress.ended, progress.planned);
        };
        finished.recorder = run_storm(order, plan, history, stop, listener);
        if (run) run->keep();
    } catch (...) {
        if (run && std::filesystem::exists(history)) run->keep();
        throw;
    }
    Result& result = finished.result;
    result.scenario = scenario.name;
    result.seed = seed;
    result.storm = finished.recorder->figures();
    result.gates = built_in_gates(scenario, result.storm);
    for (Gate& gate : judge_gates(scenario.gates, result.storm)) {
        result.gates.push_back(std::move(gate));
    }
    result.verdict = combine({}, result.gates);
    finished.interrupted = stop;
    if (run) write_result(run->path(), result);
    return finished;
}

}  // namespace claimstorm
