#pragma once

#include <functional>

namespace claimstorm::reference {

/// Runs `serve` in a child process and starts it again when it crashes (dies by a signal it did
/// not get from here), at most `restarts` times, as a supervisor in production would. `serve` is
/// told the number of the run, from 0. What it returns ends the child; a child that ends by itself
/// is not started again.
///
/// SIGINT and SIGTERM go on to the child, and its status becomes the result. The child dies with
/// this process. Call it before any thread is started. Throws EnvironmentError when no child can
/// be started, or when it crashed once more than `restarts`.
int supervise(int restarts, const std::function<int(int run)>& serve);

}  // namespace claimstorm::reference
