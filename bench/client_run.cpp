#include "bench/client_run.h"

#include <cerrno>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

/// What a child that has ended took. It is left to be reaped by its owner: the system call tells a
/// fifth thing that glibc's waitid does not hand on.
rusage usage_of(pid_t pid) {
    rusage usage{};
    siginfo_t info{};
    if (::syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOWAIT, &usage) != 0) {
        throw EnvironmentError(
            fmt::format("cannot tell what process {} used: {}", pid, errno_text(errno)));
    }
    return usage;
}

}  // namespace

ClientRun run_client(const std::vector<std::string>& argv, const std::filesystem::path& folder,
                     std::chrono::seconds limit, const std::atomic<bool>& stop) {
    const std::filesystem::path out = folder / ".out";
    const std::filesystem::path err = folder / ".err";
    std::filesystem::remove(out);
    std::filesystem::remove(err);
    ChildOptions options;
    options.argv = argv;
    options.working_directory = folder;
    options.out = ToFile{out};
    options.err = ToFile{err};
    const auto started = Clock::now();
    ChildProcess child(options);
    while (!wait_readable(child.pidfd(), milliseconds(50))) {
        if (stop) throw Interrupted("interrupted");
        if (Clock::now() - started > limit) {
            throw EnvironmentError(fmt::format("{} did not end within {} s: {}", argv.at(0),
                                               limit.count(),
                                               fmt::join(argv.begin() + 1, argv.end(), " ")));
        }
    }
    ClientRun run;
    run.wall_s = std::chrono::duration<double>(Clock::now() - started).count();
    const rusage usage = usage_of(child.pid());
    run.cpu_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    run.rss_max_bytes = std::int64_t{usage.ru_maxrss} * 1024;
    run.status = child.wait(milliseconds(0)).value_or(ExitStatus{});
    run.out = read_file_or_empty(out);
    run.err = read_file_or_empty(err);
    return run;
}

}  // namespace claimstorm::bench
