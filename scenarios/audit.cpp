#include "scenarios/audit.h"

#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "model/error.h"
#include "scenarios/evidence_file.h"
#include "scenarios/final_state.h"
#include "scenarios/judge.h"
#include "scenarios/run_folder.h"
#include "scenarios/samples_file.h"
#include "scenarios/scenario_file.h"
#include "stores/evidence_reader.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

constexpr const char* kHistoryFile = "history.bin";

const EvidenceSpec& evidence_of(const Scenario& scenario) {
    if (std::holds_alternative<ReferenceTarget>(scenario.target)) {
        throw UsageError(fmt::format(
            "{} starts a service and stores of its own for each run: nothing is left to audit; "
            "name the target file of one that is running (claimstorm-server --announce prints its "
            "own)",
            scenario.name));
    }
    const auto* target = std::get_if<Target>(&scenario.target);
    if (target == nullptr || (!target->evidence.mysql && !target->evidence.redis)) {
        throw UsageError(fmt::format(
            "{} names no stores to read: add \"mysql\" or \"redis\" to its target", scenario.name));
    }
    return target->evidence;
}

/// The run's history and baseline, without what it read of the stores in the end.
LoadedRun load_history(const Scenario& scenario, const std::filesystem::path& folder) {
    LoadedRun run = load_run(folder);
    if (run.scenario.campaign.id != scenario.campaign.id) {
        throw UsageError(fmt::format("'{}' is a run of campaign {}, {} is about campaign {}",
                                     folder.string(), run.scenario.campaign.id, scenario.name,
                                     scenario.campaign.id));
    }
    if (!run.evidence.audited) run.evidence.has_baseline = false;
    run.evidence.audited = true;
    run.evidence.campaign = scenario.campaign;
    return run;
}

LoadedRun without_history(const Scenario& scenario) {
    LoadedRun run;
    run.seed = scenario.seed.value_or(0);
    run.evidence.campaign = scenario.campaign;
    run.evidence.history.origin = HistoryOrigin::none;
    run.evidence.has_baseline = false;
    return run;
}

/// What was recorded of the run goes with it: its history, and what was watched.
void copy_file_of(const std::filesystem::path& run, const std::filesystem::path& folder,
                  const char* file) {
    std::error_code error;
    std::filesystem::copy_file(run / file, folder / file, error);
    if (error) {
        throw EnvironmentError(
            fmt::format("cannot write {}: {}", (folder / file).string(), error.message()));
    }
}

void write_no_history(const std::filesystem::path& path, const Scenario& scenario) {
    HistoryHeader header;
    header.scenario = scenario.name;
    header.user_template = "u{n}";
    header.origin = HistoryOrigin::none;
    HistoryWriter(path, header).close();
}

/// A run folder that `check` judges again, to the same result.
void keep_in(const std::filesystem::path& folder, const Scenario& scenario,
             const std::filesystem::path& run, std::uint64_t seed, const Evidence& evidence,
             const Result& result) {
    RunFolder kept(folder, scenario.name);
    write_scenario(kept.path(), scenario, seed);
    if (run.empty()) {
        write_no_history(kept.path() / kHistoryFile, scenario);
    } else {
        copy_file_of(run, kept.path(), kHistoryFile);
        if (evidence.samples) copy_file_of(run, kept.path(), kSamplesFile);
    }
    write_evidence(kept.path(), evidence);
    write_result(kept.path(), result);
    kept.keep();
}

}  // namespace

Result audit_scenario(const Scenario& scenario, const AuditOptions& options,
                      const std::atomic<bool>& stop) {
    const EvidenceSpec& spec = evidence_of(scenario);
    LoadedRun run =
        options.run.empty() ? without_history(scenario) : load_history(scenario, options.run);
    Evidence& evidence = run.evidence;
    evidence.lock_ttl = spec.lock_ttl();
    EvidenceReader reader(spec, scenario.campaign);
    reader.require_reachable();
    if (!evidence.has_baseline && reader.names_claims()) evidence.before.ledger = Ledger{};
    if (options.on_phase) options.on_phase("reading the stores once they have settled");
    read_final_state(evidence, reader, scenario.settle, stop);
    if (stop) throw Interrupted("interrupted before the stores had been read");
    Result result = judge(scenario, run.seed, evidence, std::move(run.notes));
    if (!options.folder.empty()) {
        keep_in(options.folder, scenario, options.run, run.seed, evidence, result);
    }
    return result;
}

}  // namespace claimstorm
