#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lab/child_process.h"

namespace claimstorm::bench {

/// What a program did and what it took, as the kernel counted it.
struct ClientRun {
    ExitStatus status;
    std::string out;
    std::string err;
    double cpu_s = 0;  ///< user and system time of the process and whatever it waited for
    double wall_s = 0;
    std::int64_t rss_max_bytes = 0;
};

/// Runs a program to its end, in `folder`, whose files `.out` and `.err` it writes. It is ended on
/// every way out. Throws EnvironmentError when it cannot be started or takes longer than `limit`,
/// Interrupted when `stop` is set.
ClientRun run_client(const std::vector<std::string>& argv, const std::filesystem::path& folder,
                     std::chrono::seconds limit, const std::atomic<bool>& stop);

}  // namespace claimstorm::bench
