#include "lab/process_identity.h"

#include <sstream>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

namespace claimstorm {

std::optional<ProcessIdentity> identify(pid_t pid) {
    const std::string stat = read_file_or_empty(fmt::format("/proc/{}/stat", pid));
    // The second field is the program's name in parentheses and may hold spaces and parentheses
    // of its own; the third field, the state, follows the last one.
    const std::size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 22; ++field) fields >> skipped;
    ProcessIdentity process{pid, 0};
    if (!(fields >> process.start_ticks)) return std::nullopt;
    return process;
}

// By system call, since glibc 2.36 declares its own functions without C linkage.
UniqueFd open_process(pid_t pid) noexcept {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

UniqueFd open_process(const ProcessIdentity& process) {
    // The pidfd is opened first: if the start time still fits afterwards, it is that process.
    UniqueFd pidfd = open_process(process.pid);
    if (!pidfd) return {};
    const auto now = identify(process.pid);
    if (!now || now->start_ticks != process.start_ticks) return {};
    return pidfd;
}

bool is_running(const ProcessIdentity& process) {
    const UniqueFd pidfd = open_process(process);
    return pidfd && !wait_readable(pidfd.get(), std::chrono::milliseconds(0));
}

bool end_process(const ProcessIdentity& process, int signal, std::chrono::milliseconds timeout) {
    const UniqueFd pidfd = open_process(process);
    if (!pidfd) return true;
    ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
    return wait_readable(pidfd.get(), timeout);
}

}  // namespace claimstorm
