#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "scenarios/scenario.h"

namespace claimstorm {

/// What became of one bundled scenario: a flow under a condition, and what is expected of it.
struct VerifiedCondition {
    /// A run that did not find exactly what was expected; its folder is kept.
    struct Miss {
        std::uint64_t seed = 0;
        std::string difference;
        std::filesystem::path folder;
    };

    std::string scenario;
    std::string flow;
    std::string condition;
    Expectation expected;
    std::uint32_t runs = 0;
    std::uint32_t as_expected = 0;
    /// Runs that could not be judged (the machine was too busy to keep the storm's schedule, say)
    /// and were fired again; at most one for each run that counts.
    std::uint32_t fired_again = 0;
    std::map<std::string, std::uint32_t>
        found;  ///< check or gate: in how many runs it was violated
    std::vector<Miss> misses;

    bool is_as_expected() const noexcept { return as_expected == runs; }
};

struct VerifyOptions {
    std::uint32_t repeat = 1;
    std::uint64_t seed = 0;        ///< of the first repeat; the next ones follow
    std::filesystem::path folder;  ///< run folders are made here; only those of misses stay
    std::filesystem::path server_program;
    std::function<void()> on_ready;  ///< told once the scenarios are read and the lab is up
    /// Told of each scenario's end.
    std::function<void(const VerifiedCondition&)> on_end;
};

/// Runs the named bundled scenarios, one after the other, on one private lab, and holds what each
/// found against its "expect". Throws UsageError for a scenario without one, EnvironmentError, and
/// Interrupted once `stop` is set.
std::vector<VerifiedCondition> verify_flows(const std::vector<std::string>& scenarios,
                                            const VerifyOptions& options,
                                            const std::atomic<bool>& stop);

}  // namespace claimstorm
