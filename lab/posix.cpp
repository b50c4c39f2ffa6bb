#include "lab/posix.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

void UniqueFd::reset() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

UniqueFd above_standard(UniqueFd fd) noexcept {
    if (!fd || fd.get() > STDERR_FILENO) return fd;
    return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

std::string errno_text(int error) {
    return std::generic_category().message(error);
}

bool wait_readable(int fd, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waited{fd, POLLIN, 0};
        const int ready =
            ::poll(&waited, 1, static_cast<int>(std::max<std::int64_t>(0, left.count())));
        if (ready > 0) return true;
        if (ready == 0 && left.count() <= 0) return false;
        if (ready < 0 && errno != EINTR) return false;
    }
}

void write_private_file(const std::filesystem::path& path, std::string_view content) {
    const std::string fresh = path.string() + ".new";
    const auto refuse = [&path](int error) {
        throw EnvironmentError(
            fmt::format("cannot write {}: {}", path.string(), errno_text(error)));
    };
    const UniqueFd file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) refuse(errno);
    while (!content.empty()) {
        const ssize_t written = ::write(file.get(), content.data(), content.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) refuse(errno);
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    if (::rename(fresh.c_str(), path.c_str()) != 0) refuse(errno);
}

std::string read_file_or_empty(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string tail_of(const std::filesystem::path& log, std::size_t lines) {
    const std::string text = read_file_or_empty(log);
    std::vector<std::string_view> kept;
    std::string_view rest = text;
    while (!rest.empty() && kept.size() < lines) {
        if (rest.back() == '\n') {
            rest.remove_suffix(1);
            continue;
        }
        const std::size_t begin = rest.rfind('\n') + 1;  // npos + 1 is 0: the first line
        kept.push_back(rest.substr(begin));
        rest = rest.substr(0, begin);
    }
    if (kept.empty()) return "  (the log is empty)";
    std::reverse(kept.begin(), kept.end());
    return fmt::format("  {}", fmt::join(kept, "\n  "));
}

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> random(bytes);
    if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(bytes)) {
        throw EnvironmentError(fmt::format("cannot read random bytes: {}", errno_text(errno)));
    }
    return fmt::format("{:02x}", fmt::join(random, ""));
}

}  // namespace claimstorm
