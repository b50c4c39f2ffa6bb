#include <csignal>
#include <cstdio>
#include <exception>
#include <pthread.h>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/command_line.h"
#include "reference_server/server.h"

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

int serve(const CommandLine& line) {
    const sigset_t signals = block_ending_signals();
    Server server(line.server);
    if (line.announce) {
        fmt::print("{}\n", server.target_file().dump());
    } else {
        fmt::print("claimstorm-server: {} on {}\n", line.server.flow.name, server.base_url());
    }
    std::fflush(stdout);

    std::jthread front([&server] { server.run(); });
    int signal = 0;
    sigwait(&signals, &signal);
    // A second signal ends the program at once, by the default action.
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
    server.stop();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const auto line = read_command_line(argc, argv);
        return line ? serve(*line) : 0;
    } catch (const claimstorm::Error& error) {
        fmt::print(stderr, "claimstorm-server: {}\n", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        fmt::print(stderr, "claimstorm-server: {}\n", error.what());
        return 3;
    }
}
