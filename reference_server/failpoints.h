#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference_server/context.h"
#include "reference_server/flows.h"

namespace claimstorm::reference {

/// What happens at a step, and at which of its hits.
struct FailpointRule {
    enum class Action : std::uint8_t {
        error,       ///< the step throws InjectedError
        crash,       ///< the process dies, as by kill -9
        pause,       ///< the thread waits
        drop_reply,  ///< the claim goes on, its client never gets the answer
        lose_cache,  ///< the program's keys vanish from Redis, as in a restart without persistence
    };

    Action action = Action::error;
    std::chrono::nanoseconds pause{0};
    // The hits it fires at, counted from 1; both ends belong to it.
    std::uint64_t first = 1;
    std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
    /// Of those hits this share fires, drawn from the seed and the hit's number.
    double probability = 1;
    std::string text;  ///< as it was written
};

/// Reads "ACTION[@WHEN]": ACTION is error, crash, pause(50ms), drop-reply or lose-cache; WHEN is 3
/// (the third hit alone), 3+ (from the third on), 3-5, or 2.5% (that share of all hits). Throws
/// UsageError that says what is allowed.
FailpointRule parse_failpoint_rule(std::string_view text);

/// How often each step was hit, and how often its failpoint fired. Lives in memory that a forked
/// child shares, so that "the third hit" is the third also across a crash and its restart.
class FailpointCounters {
  public:
    static constexpr std::size_t kSteps = 64;

    struct Count {
        std::atomic<std::uint64_t> hits;
        std::atomic<std::uint64_t> fired;
    };

    /// Throws EnvironmentError when there is no memory to be had.
    FailpointCounters();
    ~FailpointCounters();
    FailpointCounters(const FailpointCounters&) = delete;
    FailpointCounters& operator=(const FailpointCounters&) = delete;

    /// Precondition: step < kSteps.
    Count& of(std::size_t step) noexcept { return counts_[step]; }

  private:
    Count* counts_;
};

/// The failpoints of a running server: one a step at most. Safe for all threads.
class Failpoints {
  public:
    struct State {
        std::string step;
        bool background = false;
        std::string rule;  ///< empty: none is set
        std::uint64_t hits = 0;
        std::uint64_t fired = 0;
    };

    Failpoints(const FlowEntry& entry, FailpointCounters& counters, std::uint64_t seed);

    /// Reads "STEP=ACTION[@WHEN]"; a step `*` stands for every step the action can be used at.
    /// Counting goes on from where the counters are. Throws UsageError.
    void set(std::string_view step_and_rule);
    /// Sets a step's failpoint, replacing what was there, and counts its hits from 1 again. Throws
    /// UsageError for an unknown step and for an action the step has no use for.
    void put(std::string_view step, const FailpointRule& rule);
    /// Throws UsageError for an unknown step.
    void remove(std::string_view step);

    State state(std::string_view step) const;
    std::vector<State> states() const;

    /// What `Context::step` calls. Throws InjectedError where the failpoint says so.
    void hit(Context& context, std::string_view step);

  private:
    struct Step {
        std::string name;
        bool background = false;
        std::optional<FailpointRule> rule;
    };

    std::size_t find(std::string_view step) const;
    void arm(std::size_t step, FailpointRule rule);
    State state_of(std::size_t step) const;
    bool fires(const FailpointRule& rule, std::size_t step, std::uint64_t hit) const;

    std::string flow_;
    FailpointCounters& counters_;
    std::uint64_t seed_;
    mutable std::shared_mutex mutex_;  // guards the rules
    std::vector<Step> steps_;
    /// Whether any rule was ever set: while none was, a hit costs one count and no lock.
    std::atomic<bool> armed_{false};
};

}  // namespace claimstorm::reference
