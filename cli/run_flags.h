#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/run.h"

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace claimstorm {

/// The flags that `run` and `demo` share.
struct RunFlags {
    std::optional<std::uint64_t> seed;
    std::string output;
    std::string mysql_url;
    std::string redis_url;
    std::string transport;
    bool quiet = false;

    void add_to(CLI::App& command);
    RunOptions options() const;
};

/// `--require CHECK`, which may be given several times.
void add_require_option(CLI::App& command, std::vector<std::string>& names);

/// Adds the names to those that the scenario itself requires. Throws UsageError for one that is no
/// check's.
void add_required(Scenario& scenario, const std::vector<std::string>& names);

}  // namespace claimstorm
