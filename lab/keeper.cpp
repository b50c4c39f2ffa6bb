#include "lab/keeper.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "lab/lab_folder.h"
#include "model/error.h"

namespace claimstorm {
namespace {

constexpr std::chrono::seconds kEndLimit{15};    // for a keeper to end its lab
constexpr std::chrono::seconds kKillLimit{5};    // for a keeper to die by SIGKILL
constexpr std::chrono::seconds kStartSlack{10};  // on top of the servers' own limit
constexpr int kFolderCheckMs = 1000;
constexpr std::size_t kReportBytesMax = 65536;

/// The signals that end a lab, as something to poll, and no longer as something that kills.
class EndSignals {
  public:
    EndSignals() {
        sigset_t signals;
        ::sigemptyset(&signals);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals, signal);
        ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
        fd_ = UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    }
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;
    ~EndSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    int fd() const noexcept { return fd_.get(); }
    bool pending() const { return wait_readable(fd_.get(), std::chrono::milliseconds(0)); }
    KeepEnd take() const {
        signalfd_siginfo info{};
        const ssize_t got = ::read(fd_.get(), &info, sizeof info);
        return got == sizeof info && info.ssi_signo == SIGINT ? KeepEnd::interrupted
                                                              : KeepEnd::told_to_end;
    }

  private:
    sigset_t before_{};
    UniqueFd fd_;
};

UniqueFd open_watched(const std::optional<pid_t>& pid) {
    if (!pid) return {};
    UniqueFd watched = above_standard(open_process(*pid));
    if (!watched) {
        throw UsageError(fmt::format("cannot watch process {}: {}", *pid, errno_text(errno)));
    }
    return watched;
}

/// Returns when the lab is to end. poll(2) leaves out descriptors of -1.
KeepEnd wait_for_end(Lab& lab, const EndSignals& signals, const UniqueFd& watched) {
    const auto [redis, mariadb] = lab.server_pidfds();
    for (;;) {
        // Half a lab is none: what a storm would find out about it would be wrong.
        if (std::string ended = lab.what_ended(); !ended.empty()) throw EnvironmentError(ended);
        // A cleaner of old temporary files may take it, and with it the way to find this keeper.
        if (std::error_code error; !std::filesystem::exists(lab.folder() / "alive", error)) {
            throw EnvironmentError(fmt::format("{} has been removed", lab.folder().string()));
        }
        std::array<pollfd, 4> fds = {{{signals.fd(), POLLIN, 0},
                                      {watched.get(), POLLIN, 0},
                                      {redis, POLLIN, 0},
                                      {mariadb, POLLIN, 0}}};
        ::poll(fds.data(), fds.size(), kFolderCheckMs);
        if (fds[0].revents != 0) return signals.take();
        if (fds[1].revents != 0) return KeepEnd::watched_process_ended;
    }
}

KeepEnd keep(const KeepOptions& options, const UniqueFd& watched,
             const std::function<void(const LabRecord&)>& on_ready) {
    const EndSignals signals;
    LabOptions lab_options = options.lab;
    lab_options.kept = true;
    lab_options.cancelled = [&signals, asked = options.lab.cancelled] {
        return signals.pending() || (asked && asked());
    };
    std::optional<Lab> lab;
    try {
        lab.emplace(lab_options);
    } catch (const Interrupted&) {
        if (signals.pending()) return signals.take();
        throw;
    }
    on_ready(lab->record());
    return wait_for_end(*lab, signals, watched);
}

/// Leaves the starter's session, folder, terminal and files; keeps `report` and `watched` alone.
void detach(const UniqueFd& report, const UniqueFd& watched) {
    ::setsid();
    if (::fork() != 0) ::_exit(0);  // not being the session's leader, it never gets a terminal
    ::prctl(PR_SET_NAME, "claimstorm-lab");
    ::signal(SIGPIPE, SIG_IGN);
    if (::chdir("/") != 0) ::_exit(1);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    unsigned int first = 3;
    for (const int kept :
         {std::min(report.get(), watched.get()), std::max(report.get(), watched.get())}) {
        if (kept < 3) continue;
        const auto fd = static_cast<unsigned int>(kept);
        if (fd > first) ::close_range(first, fd - 1, 0);
        first = fd + 1;
    }
    ::close_range(first, ~0U, 0);
}

bool send_report(UniqueFd& report, std::string_view text) {
    const bool sent =
        ::write(report.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    report.reset();
    return sent;
}

/// The keeper works in "/", where a relative path would mean something else.
KeepOptions with_absolute_paths(KeepOptions options) {
    LabOptions& lab = options.lab;
    lab.root = labs_root(lab.root);
    if (!lab.cache.empty()) lab.cache = std::filesystem::absolute(lab.cache);
    for (std::string* program : {&lab.redis_program, &lab.mariadb_program}) {
        if (program->find('/') != std::string::npos) {
            *program = std::filesystem::absolute(*program).string();
        }
    }
    return options;
}

/// The keeper's life. What it reports: '+' and the lab's folder, or '-' and why there is no lab.
[[noreturn]] void be_keeper(const KeepOptions& options, const UniqueFd& watched, UniqueFd report) {
    detach(report, watched);
    try {
        keep(options, watched, [&report](const LabRecord& record) {
            // Nobody would ever learn of this lab.
            if (!send_report(report, "+" + record.folder.string())) throw Interrupted("unread");
        });
        if (report) send_report(report, "-ended before its servers answered");
    } catch (const std::exception& error) {
        if (report) send_report(report, std::string("-") + error.what());
    }
    // Not exit(): what the starter registered to be done at its end is the starter's.
    ::_exit(0);
}

std::string read_report(const UniqueFd& report, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    std::string text;
    while (text.size() < kReportBytesMax) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (!wait_readable(report.get(), left)) return "-did not come up in time";
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(report.get(), buffer.data(), buffer.size());
        if (got == 0) break;
        if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
        if (got < 0 && errno != EINTR) break;
    }
    return text;
}

}  // namespace

LabRecord start_kept_lab(const KeepOptions& options) {
    const UniqueFd watched = open_watched(options.while_pid);
    const KeepOptions kept = with_absolute_paths(options);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw EnvironmentError(fmt::format("cannot make a pipe: {}", errno_text(errno)));
    }
    const UniqueFd reader(ends[0]);
    UniqueFd writer = above_standard(UniqueFd(ends[1]));
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) be_keeper(kept, watched, std::move(writer));
    if (child < 0) {
        throw EnvironmentError(fmt::format("cannot start a keeper: {}", errno_text(errno)));
    }
    writer.reset();
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;

    const std::string report = read_report(reader, options.lab.start_timeout + kStartSlack);
    if (report.empty()) throw EnvironmentError("the lab's keeper died without a word");
    if (report.front() == '-') throw EnvironmentError(report.substr(1));
    const auto record = read_record(report.substr(1));
    if (!record) throw EnvironmentError("the lab ended as soon as it was up");
    return *record;
}

KeepEnd keep_lab(const KeepOptions& options,
                 const std::function<void(const LabRecord&)>& on_ready) {
    return keep(options, open_watched(options.while_pid), on_ready);
}

std::vector<LabRecord> living_labs(const std::filesystem::path& root) {
    return sweep_labs(labs_root(root));
}

LabRecord choose_lab(const std::vector<LabRecord>& living, const std::string& id) {
    std::vector<LabRecord> candidates;
    std::vector<std::string> ids;
    for (const LabRecord& lab : living) {
        if (lab.id == id && !lab.kept) {
            throw UsageError(fmt::format("{} belongs to the running process {} and ends with it",
                                         id, lab.holder.pid));
        }
        if (!lab.kept) continue;
        ids.push_back(lab.id);
        if (id.empty() || lab.id == id) candidates.push_back(lab);
    }
    if (candidates.size() == 1) return candidates.front();
    if (ids.empty()) throw UsageError("no lab is up; start one with: claimstorm lab up");
    const std::string names = fmt::format("{}", fmt::join(ids, ", "));
    if (id.empty()) {
        throw UsageError(
            fmt::format("{} labs are up ({}): name one, or use --all", candidates.size(), names));
    }
    throw UsageError(fmt::format("no lab {} is up; up are: {}", id, names));
}

void end_lab(const LabRecord& lab) {
    if (!end_process(lab.holder, SIGTERM, kEndLimit)) end_process(lab.holder, SIGKILL, kKillLimit);
    // After a SIGKILL the folder is still there.
    sweep_labs(lab.folder.parent_path());
    std::error_code error;
    if (std::filesystem::exists(lab.folder, error)) {
        throw EnvironmentError(
            fmt::format("{} would not end; its process {} still runs, or its "
                        "folder {} cannot be removed",
                        lab.id, lab.holder.pid, lab.folder.string()));
    }
}

}  // namespace claimstorm
