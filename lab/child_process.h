#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

#include "lab/posix.h"
#include "lab/process_identity.h"

namespace claimstorm {

/// Where a child's stdout or stderr goes.
struct ToNull {};
struct ToParent {};  ///< wherever the parent's own goes
struct ToPipe {};    ///< read with `read_line`; stdout and stderr share one pipe
struct ToFile {
    std::filesystem::path path;  ///< appended to; made with mode 0600 when missing
};
using ChildOutput = std::variant<ToNull, ToParent, ToPipe, ToFile>;

struct ChildOptions {
    std::vector<std::string> argv;  ///< argv[0] is the program's path; PATH is not searched
    /// "NAME=value"; nullopt hands on the parent's environment.
    std::optional<std::vector<std::string>> environment;
    std::filesystem::path working_directory;  ///< empty: the parent's
    std::filesystem::path stdin_file;         ///< empty: /dev/null
    ChildOutput out = ToNull{};
    ChildOutput err = ToNull{};
};

/// How a process ended.
struct ExitStatus {
    int code = 0;    ///< meaningful when `signal` is 0
    int signal = 0;  ///< the signal that ended it, or 0

    bool ok() const noexcept { return code == 0 && signal == 0; }
};

/// "exit status 7", "signal 9 (Killed)".
std::string to_string(const ExitStatus& status);

/// A child process that never outlives this object, nor this process.
///
/// It has a process group of its own, so that a Ctrl-C on the terminal reaches the parent alone;
/// no file of the parent is open in it but its stdin, stdout and stderr; its signal mask and
/// handlers are the default ones.
///
/// It dies by SIGKILL when the *thread* that constructed this object ends, also by kill -9 of the
/// whole process (prctl(2), PR_SET_PDEATHSIG). So construct it on a thread that lives as long as
/// the child shall, usually the main one.
///
/// In a process forked from this one the destructor does nothing: the child is not its child.
class ChildProcess {
  public:
    /// Starts the program. Throws EnvironmentError when it cannot be started: not there, not
    /// executable, the folder or an output file missing.
    explicit ChildProcess(const ChildOptions& options);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    /// SIGTERM, up to 2 s of waiting, SIGKILL, reaped.
    ~ChildProcess();

    pid_t pid() const noexcept { return pid_; }
    const std::optional<ProcessIdentity>& identity() const noexcept { return identity_; }
    /// A pidfd to poll: readable once the child has ended. Lives as long as this object.
    int pidfd() const noexcept { return pidfd_.get(); }
    bool running() { return !wait(std::chrono::milliseconds(0)); }

    /// How it ended, reaping it; nullopt when it still runs after `timeout`.
    std::optional<ExitStatus> wait(std::chrono::milliseconds timeout);

    /// Sends `signal` to the child alone, if it still runs.
    void send(int signal) noexcept;

    /// SIGTERM, `timeout` of waiting, then SIGKILL to its whole process group. nullopt only when
    /// the kernel cannot end it within 5 s (it hangs in a device).
    std::optional<ExitStatus> terminate(std::chrono::milliseconds timeout);

    /// SIGKILL to its whole process group, and reaped.
    std::optional<ExitStatus> kill();

    /// The next line from the pipe, without its newline; at the end of the output also an
    /// unfinished one. nullopt when none came within `timeout` or the output has ended. Throws
    /// EnvironmentError for a line above 1 MiB. Nothing else drains the pipe: a child that writes
    /// more than 64 KiB unread waits.
    std::optional<std::string> read_line(std::chrono::milliseconds timeout);

  private:
    std::optional<std::string> take_line();
    void release() noexcept;

    pid_t pid_ = -1;
    pid_t parent_ = -1;  // the process whose child it is
    std::optional<ProcessIdentity> identity_;
    UniqueFd pidfd_;
    UniqueFd pipe_;
    std::string unread_;
    std::optional<ExitStatus> status_;
};

}  // namespace claimstorm
