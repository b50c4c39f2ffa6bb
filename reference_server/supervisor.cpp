#include "reference_server/supervisor.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::reference {
namespace {

sigset_t watched_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    return signals;
}

/// The child's life. It must not return into the parent's code, so everything ends in _exit.
[[noreturn]] void be_child(pid_t parent, const sigset_t& signals,
                           const std::function<int(int)>& serve, int run) {
    int status = 3;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == parent) {
        sigprocmask(SIG_UNBLOCK, &signals, nullptr);
        try {
            status = serve(run);
        } catch (const Error& error) {
            fmt::print(stderr, "claimstorm-server: {}\n", error.what());
            status = error.exit_status();
        } catch (const std::exception& error) {
            fmt::print(stderr, "claimstorm-server: {}\n", error.what());
        }
    }
    std::fflush(nullptr);
    ::_exit(status);
}

/// Waits until the child has ended, and hands on to it what this process is told meanwhile.
/// Returns wait(2)'s status; `asked_to_end` is set when a signal was handed on.
int await_child(pid_t child, const sigset_t& signals, bool& asked_to_end) {
    while (true) {
        int status = 0;
        const pid_t ended = ::waitpid(child, &status, WNOHANG);
        if (ended == child) return status;
        int signal = 0;
        sigwait(&signals, &signal);
        if (signal == SIGCHLD) continue;
        asked_to_end = true;
        ::kill(child, signal);
    }
}

}  // namespace

int supervise(int restarts, const std::function<int(int run)>& serve) {
    const sigset_t signals = watched_signals();
    sigset_t before;
    sigprocmask(SIG_BLOCK, &signals, &before);
    const pid_t self = ::getpid();
    bool asked_to_end = false;
    for (int run = 0; run <= restarts; ++run) {
        std::fflush(nullptr);  // or the child would write it a second time
        const pid_t child = ::fork();
        if (child < 0) {
            throw EnvironmentError(
                fmt::format("cannot start the server's process: {}", std::strerror(errno)));
        }
        if (child == 0) be_child(self, signals, serve, run);
        const int status = await_child(child, signals, asked_to_end);
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        if (asked_to_end) return 128 + WTERMSIG(status);
        fmt::print(stderr, "claimstorm-server: crashed (signal {}){}\n", WTERMSIG(status),
                   run < restarts ? ", started again" : "");
    }
    throw EnvironmentError(
        fmt::format("the server crashed more often than --restarts {} allows", restarts));
}

}  // namespace claimstorm::reference
