#pragma once

#include <cstdint>
#include <optional>
#include <string>

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

}  // namespace claimstorm
