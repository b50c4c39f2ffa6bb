#include "lab/server.h"

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr int kPortTries = 5;
constexpr std::chrono::milliseconds kBetweenTries{10};

/// Both servers quote the system's words for EADDRINUSE.
bool found_port_taken(const std::filesystem::path& log) {
    return read_file_or_empty(log).find("Address already in use") != std::string::npos;
}

}  // namespace

void StartLimits::check_cancelled() const {
    if (cancelled && cancelled()) throw Interrupted("interrupted while the lab was starting");
}

Server::Server(ServerPlan plan, std::filesystem::path labs_root)
    : plan_(std::move(plan)),
      labs_root_(std::move(labs_root)),
      lease_(PortLease::take(labs_root_)),
      child_(start()) {}

ChildProcess Server::start() {
    std::error_code ignored;  // usually there is none
    std::filesystem::remove(plan_.log, ignored);
    return ChildProcess(plan_.launch(lease_.port()));
}

void Server::wait_until_ready(const StartLimits& limits) {
    for (int tries = 1;;) {
        limits.check_cancelled();
        if (const auto status = child_.wait(kBetweenTries)) {
            if (tries < kPortTries && found_port_taken(plan_.log)) {
                ++tries;
                lease_ = PortLease::take(labs_root_);
                child_ = start();
                continue;
            }
            throw EnvironmentError(fmt::format("{} would not start ({}); its log ends with:\n{}",
                                               plan_.name, to_string(*status), tail_of(plan_.log)));
        }
        if (plan_.answers(port())) return;
        if (limits.passed()) {
            child_.kill();
            throw EnvironmentError(fmt::format(
                "{} did not answer on 127.0.0.1:{} within {} ms; its log ends with:\n{}",
                plan_.name, port(), limits.timeout.count(), tail_of(plan_.log)));
        }
    }
}

ExitStatus wait_for_end(ChildProcess& child, const std::string& name, const StartLimits& limits) {
    for (;;) {
        limits.check_cancelled();
        if (const auto status = child.wait(std::chrono::milliseconds(20))) return *status;
        if (limits.passed()) {
            child.kill();
            throw EnvironmentError(
                fmt::format("{} did not end within {} ms", name, limits.timeout.count()));
        }
    }
}

}  // namespace claimstorm
