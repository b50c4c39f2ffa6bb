#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lab/child_process.h"
#include "lab/ports.h"

namespace claimstorm {

/// Until when, and whether, to go on waiting for servers.
struct StartLimits {
    std::chrono::steady_clock::time_point deadline;
    std::chrono::milliseconds timeout{0};  ///< what the deadline was made of, for messages
    std::function<bool()> cancelled;       ///< empty: never

    /// Throws Interrupted when cancelled.
    void check_cancelled() const;
    bool passed() const { return std::chrono::steady_clock::now() >= deadline; }
};

/// How to start one kind of server, and how to see that it serves.
struct ServerPlan {
    std::string name;           ///< "redis-server", for messages
    std::filesystem::path log;  ///< where `launch` sends its output
    /// Writes its configuration for that port and tells how to start it.
    std::function<ChildOptions(std::uint16_t port)> launch;
    /// Whether it serves whom it should on that port; one try, a second at most.
    std::function<bool(std::uint16_t port)> answers;
};

/// A server of a lab: a child process and the port it has to itself.
class Server {
  public:
    /// Starts it and returns at once. Throws EnvironmentError when it cannot be started.
    Server(ServerPlan plan, std::filesystem::path labs_root);

    /// Returns when it answers. Starts it again on another port, a few times, when something
    /// outside of any lab has just taken its own. Throws EnvironmentError, with the end of its
    /// log, when it ends or stays silent.
    void wait_until_ready(const StartLimits& limits);

    std::uint16_t port() const noexcept { return lease_.port(); }
    ChildProcess& process() noexcept { return child_; }
    const std::string& name() const noexcept { return plan_.name; }
    const std::filesystem::path& log() const noexcept { return plan_.log; }

  private:
    ChildProcess start();

    ServerPlan plan_;
    std::filesystem::path labs_root_;
    PortLease lease_;
    ChildProcess child_;
};

/// Waits until `child` has ended. Throws EnvironmentError at the deadline and Interrupted when
/// cancelled, naming it `name`.
ExitStatus wait_for_end(ChildProcess& child, const std::string& name, const StartLimits& limits);

}  // namespace claimstorm
