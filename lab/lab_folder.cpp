#include "lab/lab_folder.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "lab-";
constexpr std::size_t kIdBytes = 3;
constexpr int kIdTries = 64;
constexpr std::chrono::seconds kRootLockLimit{20};
constexpr std::chrono::seconds kServerEndLimit{5};

/// The root must be ours alone: in a shared /tmp somebody else may have made it first.
void check_root(const fs::path& root) {
    struct stat status {};
    if (::lstat(root.c_str(), &status) != 0) {
        throw EnvironmentError(fmt::format(
            "cannot use the labs' folder {}: {}; name another one with CLAIMSTORM_LAB_DIR",
            root.string(), errno_text(errno)));
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0) {
        throw EnvironmentError(
            fmt::format("{} is not a folder that only you can write to, as the labs' folder must "
                        "be; remove it, or name another one with CLAIMSTORM_LAB_DIR",
                        root.string()));
    }
}

void make_root(const fs::path& root) {
    std::error_code ignored;  // what is wrong, mkdir and check_root say
    fs::create_directories(root.parent_path(), ignored);
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) {
        throw EnvironmentError(fmt::format(
            "cannot make the labs' folder {}: {}; name another one with CLAIMSTORM_LAB_DIR",
            root.string(), errno_text(errno)));
    }
    check_root(root);
}

/// While it is held, no lab of this root is born or swept by anybody else.
UniqueFd lock_root(const fs::path& root) {
    const fs::path file = root / ".labs-lock";
    UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) {
        throw EnvironmentError(fmt::format("cannot open {}: {}", file.string(), errno_text(errno)));
    }
    const auto deadline = std::chrono::steady_clock::now() + kRootLockLimit;
    while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw EnvironmentError(fmt::format("{} has been locked by another claimstorm for {} s",
                                               file.string(), kRootLockLimit.count()));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return lock;
}

UniqueFd open_alive(const fs::path& folder, int flags) {
    const fs::path file = folder / "alive";
    return UniqueFd(::open(file.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600));
}

/// Whether this is a lab's folder at all: whoever points CLAIMSTORM_LAB_DIR at a folder with
/// other things in it shall not lose them. A lab that died at birth may be empty.
bool is_lab(const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    const std::string_view id = name;
    if (id.substr(0, kPrefix.size()) != kPrefix) return false;
    const std::string_view digits = id.substr(kPrefix.size());
    if (digits.size() != 2 * kIdBytes) return false;
    if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
    std::error_code error;
    if (entry.is_symlink(error) || !entry.is_directory(error)) return false;
    return fs::exists(entry.path() / "alive", error) || fs::is_empty(entry.path(), error);
}

bool is_living(const fs::path& folder) {
    const UniqueFd alive = open_alive(folder, 0);
    // In doubt (out of descriptors, say) it lives.
    if (!alive) return errno != ENOENT;
    return ::flock(alive.get(), LOCK_EX | LOCK_NB) != 0;
}

void kill_servers(const fs::path& folder) {
    const auto record = read_record(folder);
    if (!record) return;
    for (const ProcessIdentity& server : record->servers) {
        end_process(server, SIGKILL, kServerEndLimit);
    }
}

/// `alive` goes last: as long as anything is left, the folder can be told to be a lab's.
void remove_lab(const fs::path& folder) {
    std::error_code ignored;  // what is left now, the next sweep removes
    std::vector<fs::path> others;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.path().filename() != "alive") others.push_back(entry.path());
    }
    for (const fs::path& other : others) fs::remove_all(other, ignored);
    const auto is_left = [&ignored](const fs::path& path) { return fs::exists(path, ignored); };
    if (std::none_of(others.begin(), others.end(), is_left)) fs::remove_all(folder, ignored);
}

}  // namespace

fs::path labs_root(const fs::path& asked) {
    if (!asked.empty()) return fs::absolute(asked).lexically_normal();
    const auto from = [](const char* name) {
        const char* value = std::getenv(name);
        return std::string(value == nullptr ? "" : value);
    };
    if (const std::string root = from("CLAIMSTORM_LAB_DIR"); !root.empty()) {
        return fs::absolute(root).lexically_normal();
    }
    const std::string temporary = from("TMPDIR");
    const fs::path base = temporary.empty() ? "/tmp" : fs::absolute(temporary);
    return base / fmt::format("claimstorm-labs-{}", ::geteuid());
}

LabFolder::LabFolder(const fs::path& root) : root_(root), owner_(::getpid()) {
    make_root(root_);
    const UniqueFd lock = lock_root(root_);
    LabRecord record;
    for (int attempt = 0; path_.empty(); ++attempt) {
        record.id = std::string(kPrefix) + random_hex(kIdBytes);
        const fs::path candidate = root_ / record.id;
        if (::mkdir(candidate.c_str(), 0700) == 0) {
            path_ = candidate;
        } else if (errno != EEXIST || attempt >= kIdTries) {
            throw EnvironmentError(
                fmt::format("cannot make {}: {}", candidate.string(), errno_text(errno)));
        }
    }
    try {
        alive_ = open_alive(path_, O_CREAT | O_EXCL);
        if (!alive_ || ::flock(alive_.get(), LOCK_EX | LOCK_NB) != 0) {
            throw EnvironmentError(
                fmt::format("cannot lock {}/alive: {}", path_.string(), errno_text(errno)));
        }
        record.folder = path_;
        record.holder = identify(owner_).value_or(ProcessIdentity{owner_, 0});
        record.started_at = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
        write_record(record);
    } catch (...) {
        remove_lab(path_);
        throw;
    }
}

bool LabFolder::is_ours() const noexcept {
    return ::getpid() == owner_;
}

LabFolder::~LabFolder() {
    // A process forked from the holder shares the lock, but the lab is not its own to end.
    if (!is_ours()) return;
    try {
        const UniqueFd lock = lock_root(root_);
        remove_lab(path_);
    } catch (const EnvironmentError&) {
        // Somebody sweeps for very long; a later sweep removes the folder.
    }
    // Explicitly, since a forked process may still have the descriptor open.
    ::flock(alive_.get(), LOCK_UN);
}

std::vector<LabRecord> sweep_labs(const fs::path& root) {
    std::error_code error;
    if (!fs::exists(root, error) && !error) return {};
    check_root(root);
    const UniqueFd lock = lock_root(root);
    std::vector<LabRecord> living;
    for (const auto& entry : fs::directory_iterator(root, error)) {
        if (!is_lab(entry)) continue;
        if (!is_living(entry.path())) {
            kill_servers(entry.path());
            remove_lab(entry.path());
        } else if (auto record = read_record(entry.path())) {
            living.push_back(std::move(*record));
        }
    }
    std::sort(living.begin(), living.end(), [](const LabRecord& a, const LabRecord& b) {
        return a.holder.start_ticks != b.holder.start_ticks
                   ? a.holder.start_ticks < b.holder.start_ticks
                   : a.id < b.id;
    });
    return living;
}

}  // namespace claimstorm
