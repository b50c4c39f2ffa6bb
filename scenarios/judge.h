#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/evidence.h"
#include "model/result.h"
#include "scenarios/scenario.h"
#include "storm/history_file.h"

namespace claimstorm {

/// Judges evidence by the scenario's checks and gates. No I/O: the same evidence gives the same
/// result, now or from a run folder years later. Attempts at other campaigns count in the storm's
/// figures; for the checks their places in `evidence.history` are taken by attempts never sent.
Result judge(const Scenario& scenario, std::uint64_t seed, Evidence& evidence,
             std::vector<std::string> notes);

/// A remark for each response that no outcome rule fitted.
std::vector<std::string> notes_of(const std::vector<UnmatchedSample>& samples);

/// A run folder's scenario and evidence.
struct LoadedRun {
    Scenario scenario;
    std::uint64_t seed = 0;
    Evidence evidence;
    std::vector<std::string> notes;
};

/// Reads a run folder back. Throws UsageError when it is none, or has no history.
LoadedRun load_run(const std::filesystem::path& folder);

/// Writes result.json and report.txt. Throws EnvironmentError.
void write_result(const std::filesystem::path& folder, const Result& result);

/// Whether exactly the expected checks and gates were violated, but for those that may be, and none
/// was inconclusive; when not, `difference` says what differed.
bool matches_expectation(const Result& result, const Expectation& expectation,
                         std::string& difference);

}  // namespace claimstorm
