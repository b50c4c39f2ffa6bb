#pragma once

#include <filesystem>
#include <string>

#include "scenarios/scenario.h"
#include "storm/history_import.h"

namespace claimstorm {

struct FinishedImport {
    ImportedLog log;
    std::filesystem::path folder;
};

/// Makes a run folder of somebody else's log (`import_history` describes its lines; "-" is the
/// standard input), to be judged by `check` and `audit`. `folder` empty: runs/<UTC time>-<name>/.
/// Throws UsageError or EnvironmentError, and then leaves no folder behind.
FinishedImport import_log(const Scenario& scenario, const std::string& log,
                          const std::filesystem::path& folder);

}  // namespace claimstorm
