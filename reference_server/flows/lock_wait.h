#pragma once

#include <chrono>
#include <vector>

#include "reference_server/backoff.h"
#include "reference_server/context.h"
#include "reference_server/flow_options.h"

namespace claimstorm::reference {

/// What a claim does about a lock that somebody else holds.
struct LockWait {
    /// From the options below.
    explicit LockWait(const FlowOptions& options);

    /// The options every flow with a lock offers: `lock_wait` and `wait`.
    static std::vector<OptionSpec> options();

    bool spins = true;                 ///< false: one try, then throttled
    std::chrono::nanoseconds longest;  ///< all the waiting of one claim together
};

/// One claim's waiting for a lock, from now on:
///
///     LockSpin spin(context, wait);
///     while (!lock.try_acquire()) {
///         if (!spin.pause()) return {Outcome::throttled};
///     }
class LockSpin {
  public:
    LockSpin(Context& context, const LockWait& wait);

    /// Sleeps for a jittered, growing moment; false, at once, when the waiting is over. What has
    /// passed since the first try is added to the context's lock wait.
    bool pause();

  private:
    using Clock = std::chrono::steady_clock;

    Context& context_;
    Backoff backoff_;
    Clock::time_point counted_until_;
    Clock::time_point give_up_;
};

}  // namespace claimstorm::reference
