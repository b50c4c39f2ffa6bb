#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace claimstorm {

/// A file descriptor that closes itself; -1 stands for none.
class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset() noexcept;

  private:
    int fd_ = -1;
};

/// The same file on a descriptor above 2, so that replacing stdin, stdout or stderr spares it.
UniqueFd above_standard(UniqueFd fd) noexcept;

/// "No space left on device" for ENOSPC.
std::string errno_text(int error);

/// Waits until `fd` can be read without blocking (end of file included); false when `timeout`
/// passed first. A signal handler that runs meanwhile does not end the wait.
bool wait_readable(int fd, std::chrono::milliseconds timeout);

/// Replaces `path` in one step by a file that only its owner may read.
/// Throws EnvironmentError when it cannot be written.
void write_private_file(const std::filesystem::path& path, std::string_view content);

/// The file's content; empty when it cannot be read. Files of /proc are read whole, too.
std::string read_file_or_empty(const std::filesystem::path& path);

/// The last `lines` lines of a log, each indented by two spaces; says so when there are none.
std::string tail_of(const std::filesystem::path& log, std::size_t lines = 10);

/// `bytes` bytes of the kernel's randomness, as twice as many hex digits.
std::string random_hex(std::size_t bytes);

}  // namespace claimstorm
