#pragma once

#include <atomic>

namespace claimstorm {

/// The first SIGINT or SIGTERM after this sets the flag it returns; a second one ends the program
/// at once with exit status 130 (its child processes end with it).
const std::atomic<bool>& stop_on_signals();

}  // namespace claimstorm
