#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <sys/types.h>

#include "lab/posix.h"

namespace claimstorm {

/// One process, told apart from a later one that got the same pid by when it started.
struct ProcessIdentity {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;  ///< clock ticks since boot: /proc/PID/stat, field 22
};

/// nullopt when there is no such process. One that has ended but is not reaped is still there.
std::optional<ProcessIdentity> identify(pid_t pid);

/// Whether any thread of exactly this process still runs.
bool is_running(const ProcessIdentity& process);

/// A pidfd of whatever has that pid now (pidfd_open(2)), readable once it has ended; none when
/// there is no such process, see errno.
UniqueFd open_process(pid_t pid) noexcept;

/// A pidfd of exactly this process; none when it is no more.
UniqueFd open_process(const ProcessIdentity& process);

/// Sends `signal` to exactly this process and waits until it has ended, `timeout` at most.
/// True when it is gone (or was gone already).
bool end_process(const ProcessIdentity& process, int signal, std::chrono::milliseconds timeout);

}  // namespace claimstorm
