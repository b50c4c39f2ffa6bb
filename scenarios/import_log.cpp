#include "scenarios/import_log.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <system_error>

#include <fmt/format.h>

#include "model/error.h"
#include "scenarios/run_folder.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

std::ifstream open_log(const std::string& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw UsageError(fmt::format("the log '{}' is a folder; name a file", path));
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        throw UsageError(
            fmt::format("the log '{}' cannot be read: {}", path, std::strerror(errno)));
    }
    return in;
}

}  // namespace

FinishedImport import_log(const Scenario& scenario, const std::string& log,
                          const std::filesystem::path& folder) {
    std::ifstream file;
    const bool is_stdin = log == "-";
    if (!is_stdin) file = open_log(log);
    RunFolder run(folder, scenario.name);
    const std::uint64_t seed = scenario.seed.value_or(0);
    write_scenario(run.path(), scenario, seed);
    HistoryHeader header;
    header.scenario = scenario.name;
    header.seed = seed;
    FinishedImport finished;
    finished.log = import_history(is_stdin ? std::cin : file, is_stdin ? "stdin" : log,
                                  run.path() / "history.bin", header);
    finished.folder = run.path();
    run.keep();
    return finished;
}

}  // namespace claimstorm
