#pragma once

#include <string>

#include "model/result.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace claimstorm {

/// `--quiet`, in the words of all commands that print a verdict.
void add_quiet_flag(CLI::App& command, bool& quiet);

/// How a result is asked for on stdout: as result.json, as the verdict's line alone, or as the
/// report for people. JSON wins over quiet.
struct ResultOutput {
    bool json = false;
    bool quiet = false;

    /// `--json` alone, for commands that get `--quiet` elsewhere.
    void add_json_to(CLI::App& command);
    void add_to(CLI::App& command);
    /// Whether stdout is for people who also want to see what goes on.
    bool is_for_people() const noexcept { return !json && !quiet; }
};

/// Prints the result; for people with the folder in which it was kept, if one is named.
void print_result(const Result& result, const ResultOutput& output, const std::string& folder = "");

}  // namespace claimstorm
