#include "cli/signals.h"

#include <csignal>
#include <unistd.h>

namespace claimstorm {
namespace {

constexpr int kInterruptedStatus = 130;

std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler must not lock");

void on_signal(int /*signal*/) {
    if (stop_requested.exchange(true)) ::_exit(kInterruptedStatus);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
    struct sigaction action {};
    action.sa_handler = on_signal;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
    return stop_requested;
}

}  // namespace claimstorm
