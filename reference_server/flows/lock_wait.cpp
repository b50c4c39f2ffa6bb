#include "reference_server/flows/lock_wait.h"

#include <algorithm>
#include <thread>

namespace claimstorm::reference {
namespace {

// A claim holds the lock for a few milliseconds: looking more often only burdens Redis.
constexpr std::chrono::microseconds kFirstPause{500};
constexpr std::chrono::microseconds kLongestPause{8000};

}  // namespace

LockWait::LockWait(const FlowOptions& options)
    : spins(options.choice("lock_wait") == "spin"), longest(options.duration("wait")) {}

std::vector<OptionSpec> LockWait::options() {
    using namespace std::chrono_literals;
    return {
        choice_option("lock_wait", "spin",
                      "what a claim does about a lock that is taken: try again with jittered, "
                      "growing pauses, or give up at once (503)",
                      {"spin", "none"}),
        duration_option("wait", "2s", "how long a spinning claim tries for the lock", 1ms, 1min)};
}

LockSpin::LockSpin(Context& context, const LockWait& wait)
    : context_(context),
      backoff_(context.random(), kFirstPause, kLongestPause),
      counted_until_(Clock::now()),
      give_up_(wait.spins ? counted_until_ + wait.longest : counted_until_) {}

bool LockSpin::pause() {
    const auto left = give_up_ - Clock::now();
    const bool waits = left > left.zero();
    if (waits) std::this_thread::sleep_for(std::min<Clock::duration>(left, backoff_.next()));
    const auto now = Clock::now();
    context_.add_lock_wait(now - counted_until_);
    counted_until_ = now;
    return waits;
}

}  // namespace claimstorm::reference
