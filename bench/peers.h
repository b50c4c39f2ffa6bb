#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bench/client_run.h"

namespace claimstorm::bench {

enum class Tool : std::uint8_t { claimstorm, claimstorm_curl, wrk, ab, h2load, hey };

/// "claimstorm", "claimstorm --transport curl", "wrk", …
std::string name_of(Tool tool);

/// What is asked of a load generator, in the same words for all of them. Either a duration or a
/// number of requests.
struct LoadOrder {
    std::string url;  ///< "http://127.0.0.1:1234"
    int connections = 1;
    std::optional<std::chrono::seconds> duration = {};
    std::optional<std::int64_t> requests = {};
    std::optional<int> per_second = {};  ///< constant rate; a multiple of `connections`
    /// Cleartext, with prior knowledge, claimstorm and h2load only: all on one connection, of which
    /// `connections` is then the number of streams.
    bool http2 = false;
    std::vector<std::string> claimstorm_flags = {};  ///< "--burst", "--gate", "full", …
};

/// What came of it. `why_not` set: nothing was measured, and this is the reason.
struct LoadRun {
    std::optional<std::string> why_not;
    std::int64_t answered = 0;  ///< requests answered with 2xx, as the tool counted them
    std::int64_t failed = 0;
    double attempts_per_s = 0;  ///< as the tool measured it: without its start and its end
    ClientRun run;
    nlohmann::json storm;  ///< claimstorm's own figures, "storm" in its result.json

    /// nullopt when none was answered.
    std::optional<double> cpu_us_per_attempt() const;
};

/// Fires loads, one after the other.
class Peers {
  public:
    /// Each run works in `folder`. `claimstorm` is the program under test.
    Peers(std::filesystem::path folder, std::filesystem::path claimstorm,
          const std::atomic<bool>& stop);

    /// The command line for an order; writes the files that it names. Throws EnvironmentError when
    /// the tool is not installed.
    std::vector<std::string> command(Tool tool, const LoadOrder& order) const;

    /// One run. A tool that is missing, refuses its options (exit 2) or fails is told in `why_not`;
    /// throws what run_client throws.
    LoadRun fire(Tool tool, const LoadOrder& order) const;

    /// claimstorm's run folder, new for each run.
    std::filesystem::path run_folder() const { return folder_ / "run"; }

    const std::atomic<bool>& stop() const noexcept { return stop_; }

  private:
    std::vector<std::string> claimstorm_command(Tool tool, const LoadOrder& order) const;

    std::filesystem::path folder_;
    std::filesystem::path claimstorm_;
    const std::atomic<bool>& stop_;
};

/// Reads requests answered and failed, and their rate, out of what a peer has printed; false when
/// they are not there.
bool read_output(Tool tool, const std::string& out, LoadRun& load);

}  // namespace claimstorm::bench
