#include <csignal>
#include <cstdio>
#include <exception>
#include <memory>
#include <pthread.h>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/command_line.h"
#include "reference_server/server.h"
#include "reference_server/supervisor.h"

namespace {

using namespace claimstorm::reference;

/// Blocks the signals that end the program, in this thread and all started later, so that one
/// thread can wait for them.
sigset_t block_ending_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

/// Once ready, says so on stdout.
void announce(const CommandLine& line, const Server& server) {
    if (line.announce) {
        fmt::print("{}\n", server.target_file().dump());
    } else {
        fmt::print("claimstorm-server: {} on {}\n", line.server.flow.name, server.base_url());
    }
    std::fflush(stdout);
}

int serve(const CommandLine& line, bool says_so) {
    const sigset_t signals = block_ending_signals();
    Server server(line.server);
    if (says_so) announce(line, server);

    std::jthread front([&server] { server.run(); });
    int signal = 0;
    sigwait(&signals, &signal);
    // A second signal ends the program at once, by the default action.
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    server.stop();
    return 0;
}

/// The listening socket and the counters of the failpoints outlive a crash: who connects meanwhile
/// waits for the next process, and "the third hit" stays the third.
int serve_with_restarts(CommandLine line) {
    const ListeningSocket listener(line.server.front);
    line.server.front.listener = listener.descriptor();
    line.server.failpoint_counters = std::make_shared<FailpointCounters>();
    return supervise(line.restarts, [&](int run) { return serve(line, run == 0); });
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto line = read_command_line(argc, argv);
        if (!line) return 0;
        return line->restarts > 0 ? serve_with_restarts(*line) : serve(*line, true);
    } catch (const claimstorm::Error& error) {
        fmt::print(stderr, "claimstorm-server: {}\n", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        fmt::print(stderr, "claimstorm-server: {}\n", error.what());
        return 3;
    }
}
