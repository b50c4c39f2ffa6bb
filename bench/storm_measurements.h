#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/peers.h"
#include "bench/storm_report.h"

namespace claimstorm::bench {

/// How much is spent on each measurement.
struct Effort {
    int rounds = 5;                    ///< the programs take turns, so many times
    std::chrono::seconds duration{5};  ///< of a load
    bool quick = false;                ///< a hundredth of the attempts, too: for trying this out
};

/// What every measurement works with. `folder` is for servers; the peers have their own.
struct StormBench {
    const Peers& peers;
    std::filesystem::path folder;
    Effort effort;
};

/// a: client CPU per attempt; b: attempts a second. Both of the same runs.
std::vector<Measurement> measure_load(const StormBench& bench);
/// c: how late attempts are at a constant rate.
std::vector<Measurement> measure_lag(const StormBench& bench);
/// d: first to last arrival of 1,000 attempts on 1,000 connections.
std::vector<Measurement> measure_release(const StormBench& bench);
/// e: the same for 30 attempts in one packet of HTTP/2.
std::vector<Measurement> measure_single_packet(const StormBench& bench);
/// f: storms until a race of 200 us shows.
std::vector<Measurement> measure_races(const StormBench& bench);
/// g: bytes an attempt on disk, and memory at 10 million attempts.
std::vector<Measurement> measure_memory(const StormBench& bench);
/// h: CPU per attempt at 15,000 connections.
std::vector<Measurement> measure_scale(const StormBench& bench);

/// Adds a sample to a row, or why there is none.
void add_sample(Row& row, const LoadRun& load, std::optional<double> value);

/// Tells on stderr what was just measured.
void tell(const std::string& measurement, int round, const Row& row);

}  // namespace claimstorm::bench
