#include "lab/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr std::chrono::milliseconds kGrace{2000};        // the destructor's, after SIGTERM
constexpr std::chrono::milliseconds kKillLimit{5000};    // until a SIGKILL must have worked
constexpr std::chrono::milliseconds kStartLimit{10000};  // from fork to exec
constexpr std::size_t kLineBytesMax = 1 << 20;

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw EnvironmentError(fmt::format("cannot make a pipe: {}", errno_text(errno)));
    }
    return {above_standard(UniqueFd(ends[0])), above_standard(UniqueFd(ends[1]))};
}

UniqueFd open_for_child(const std::filesystem::path& path, int flags) {
    UniqueFd file = above_standard(UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600)));
    if (!file) {
        throw EnvironmentError(fmt::format("cannot open {} for a child process: {}", path.string(),
                                           errno_text(errno)));
    }
    return file;
}

UniqueFd open_output(const ChildOutput& output, const Pipe& pipe, int own) {
    if (const auto* file = std::get_if<ToFile>(&output)) {
        return open_for_child(file->path, O_WRONLY | O_CREAT | O_APPEND);
    }
    if (std::holds_alternative<ToPipe>(output) || std::holds_alternative<ToParent>(output)) {
        const int source = std::holds_alternative<ToPipe>(output) ? pipe.write_end.get() : own;
        UniqueFd copy(::fcntl(source, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
        if (copy) return copy;
    }
    return open_for_child("/dev/null", O_WRONLY);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    // execve takes char*, for historical reasons, but does not write to them.
    for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

/// All that the child needs between fork and exec, made beforehand: there it may call nothing but
/// async-signal-safe functions, since another thread may have held any lock at the fork.
struct Launch {
    pid_t parent = -1;
    const char* directory = nullptr;  // nullptr: stay
    std::array<int, 3> standard{};    // what becomes stdin, stdout, stderr
    int report = -1;                  // where to write errno when exec fails
    char* const* argv = nullptr;
    char* const* environment = nullptr;
    sigset_t no_signals{};
    struct sigaction default_action {};
};

[[noreturn]] void give_up(const Launch& launch) {
    const int error = errno;
    // When even this cannot be written, the parent sees the child end without a word.
    [[maybe_unused]] const ssize_t written = ::write(launch.report, &error, sizeof error);
    ::_exit(127);
}

[[noreturn]] void become_program(const Launch& launch) {
    ::setpgid(0, 0);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(launch);
    // The parent may have died before the kernel was told to watch it.
    if (::getppid() != launch.parent) ::_exit(127);
    for (int fd = 0; fd < 3; ++fd) {
        if (::dup2(launch.standard[static_cast<std::size_t>(fd)], fd) < 0) give_up(launch);
    }
    if (launch.directory != nullptr && ::chdir(launch.directory) != 0) give_up(launch);
    // Some may belong to libraries that forgot O_CLOEXEC. Marking rather than closing them keeps
    // `report` usable until the exec. Kernels before 5.11 refuse; then only those leak.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    for (int signal = 1; signal < NSIG; ++signal) {
        ::sigaction(signal, &launch.default_action, nullptr);
    }
    ::sigprocmask(SIG_SETMASK, &launch.no_signals, nullptr);
    ::execve(launch.argv[0], launch.argv, launch.environment);
    give_up(launch);
}

/// 0 once the program runs, else the errno that stopped it.
int wait_for_exec(const UniqueFd& report) {
    if (!wait_readable(report.get(), kStartLimit)) return ETIMEDOUT;
    int error = 0;
    const ssize_t got = ::read(report.get(), &error, sizeof error);
    return got == static_cast<ssize_t>(sizeof error) ? error : 0;
}

}  // namespace

std::string to_string(const ExitStatus& status) {
    if (status.signal == 0) return fmt::format("exit status {}", status.code);
    return fmt::format("signal {} ({})", status.signal, ::strsignal(status.signal));
}

ChildProcess::ChildProcess(const ChildOptions& options) : parent_(::getpid()) {
    Pipe output;
    if (std::holds_alternative<ToPipe>(options.out) ||
        std::holds_alternative<ToPipe>(options.err)) {
        output = make_pipe();
    }
    const UniqueFd in = open_for_child(
        options.stdin_file.empty() ? std::filesystem::path("/dev/null") : options.stdin_file,
        O_RDONLY);
    const UniqueFd out = open_output(options.out, output, STDOUT_FILENO);
    const UniqueFd err = open_output(options.err, output, STDERR_FILENO);
    Pipe report = make_pipe();
    const std::vector<char*> argv = pointers(options.argv);
    std::vector<char*> environment;
    if (options.environment) environment = pointers(*options.environment);

    Launch launch;
    launch.parent = parent_;
    if (!options.working_directory.empty()) launch.directory = options.working_directory.c_str();
    launch.standard = {in.get(), out.get(), err.get()};
    launch.report = report.write_end.get();
    launch.argv = argv.data();
    launch.environment = options.environment ? environment.data() : ::environ;
    launch.default_action.sa_handler = SIG_DFL;
    ::sigemptyset(&launch.no_signals);

    // No handler of the parent may run in the child before it has become the program.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) become_program(launch);
    const int fork_error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

    const std::string program = options.argv.at(0);
    if (pid < 0) {
        throw EnvironmentError(fmt::format("cannot start {}: {}", program, errno_text(fork_error)));
    }
    pid_ = pid;
    pidfd_ = open_process(pid);
    pipe_ = std::move(output.read_end);
    report.write_end.reset();
    const int error = pidfd_ ? wait_for_exec(report.read_end) : errno;
    if (error != 0) {
        release();  // a constructor that throws gets no destructor
        throw EnvironmentError(fmt::format("cannot start {}: {}", program, errno_text(error)));
    }
    identity_ = identify(pid);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      parent_(other.parent_),
      identity_(std::exchange(other.identity_, std::nullopt)),
      pidfd_(std::move(other.pidfd_)),
      pipe_(std::move(other.pipe_)),
      unread_(std::move(other.unread_)),
      status_(std::exchange(other.status_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        release();
        pid_ = std::exchange(other.pid_, -1);
        parent_ = other.parent_;
        identity_ = std::exchange(other.identity_, std::nullopt);
        pidfd_ = std::move(other.pidfd_);
        pipe_ = std::move(other.pipe_);
        unread_ = std::move(other.unread_);
        status_ = std::exchange(other.status_, std::nullopt);
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    release();
}

void ChildProcess::release() noexcept {
    if (pid_ > 0 && parent_ == ::getpid()) terminate(kGrace);
    pid_ = -1;
}

std::optional<ExitStatus> ChildProcess::wait(std::chrono::milliseconds timeout) {
    if (status_ || pid_ <= 0) return status_;
    // Without a pidfd (out of descriptors) this is a plain, unbounded wait: only after SIGKILL.
    if (pidfd_ && !wait_readable(pidfd_.get(), timeout)) return std::nullopt;
    int raw = 0;
    pid_t reaped = 0;
    do {
        reaped = ::waitpid(pid_, &raw, 0);
    } while (reaped < 0 && errno == EINTR);
    ExitStatus status;
    // Somebody else (SIGCHLD ignored, a stray wait()) may have reaped it: its status is lost.
    if (reaped == pid_ && WIFEXITED(raw)) status.code = WEXITSTATUS(raw);
    if (reaped == pid_ && WIFSIGNALED(raw)) status.signal = WTERMSIG(raw);
    if (reaped != pid_) status.code = 127;
    status_ = status;
    return status_;
}

void ChildProcess::send(int signal) noexcept {
    // Not yet reaped, so the pid cannot have become somebody else's.
    if (pid_ > 0 && !status_) ::kill(pid_, signal);
}

std::optional<ExitStatus> ChildProcess::terminate(std::chrono::milliseconds timeout) {
    send(SIGTERM);
    if (pidfd_ && wait(timeout)) return status_;
    return kill();
}

std::optional<ExitStatus> ChildProcess::kill() {
    if (pid_ > 0 && !status_) {
        ::kill(-pid_, SIGKILL);  // the group it leads
        ::kill(pid_, SIGKILL);   // and itself, should it have left the group
    }
    return wait(kKillLimit);
}

std::optional<std::string> ChildProcess::take_line() {
    const std::size_t end = unread_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
}

std::optional<std::string> ChildProcess::read_line(std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        if (auto line = take_line()) return line;
        if (unread_.size() > kLineBytesMax) {
            throw EnvironmentError(
                fmt::format("process {} wrote a line above {} bytes", pid_, kLineBytesMax));
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (!pipe_ || !wait_readable(pipe_.get(), left)) break;
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
        if (got > 0) {
            unread_.append(buffer.data(), static_cast<std::size_t>(got));
        } else if (got == 0 || errno != EINTR) {
            pipe_.reset();
        }
    }
    if (pipe_ || unread_.empty()) return std::nullopt;
    return std::exchange(unread_, {});
}

}  // namespace claimstorm
