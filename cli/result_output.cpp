#include "cli/result_output.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/terminal.h"
#include "reports/result_json.h"
#include "reports/text_report.h"

namespace claimstorm {

void add_quiet_flag(CLI::App& command, bool& quiet) {
    command.add_flag("-q,--quiet", quiet, "Only the verdict's line")->envname("CLAIMSTORM_QUIET");
}

void ResultOutput::add_json_to(CLI::App& command) {
    command.add_flag("--json", json, "Print result.json")->envname("CLAIMSTORM_JSON");
}

void ResultOutput::add_to(CLI::App& command) {
    add_json_to(command);
    add_quiet_flag(command, quiet);
}

void print_result(const Result& result, const ResultOutput& output, const std::string& folder) {
    if (output.json) {
        fmt::print("{}", result_to_json(result));
    } else if (output.quiet) {
        fmt::print("{}: {}\n", result.scenario, to_string(result.verdict));
    } else {
        fmt::print("{}", text_report(result, stdout_style()));
        if (!folder.empty()) fmt::print("run folder: {}\n", folder);
    }
}

}  // namespace claimstorm
