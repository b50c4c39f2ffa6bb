#pragma once

#include <cstddef>
#include <cstdint>

#include "storm/event_loop.h"
#include "storm/socket_address.h"

namespace claimstorm {

/// Where byte streams lead to.
struct StreamTarget {
    SocketAddress to;
};

/// The bytes of one connection, without ever blocking. Between `connect` and `close` its listener
/// is told by the loop when there is something to do.
class ByteStream {
  public:
    enum class Progress : std::uint8_t {
        done,
        waits,   ///< nothing more goes now; the loop tells when to try again
        closed,  ///< the other end has ended its side
        failed,  ///< `error()` says why
    };
    struct Result {
        Progress progress;
        std::size_t bytes = 0;  ///< read or written
    };

    ByteStream(EventLoop& loop, const StreamTarget& target) : loop_(loop), target_(target) {}
    ~ByteStream() { close(); }
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    /// Begins to connect, from `source` unless it is null. Precondition: closed.
    Progress connect(const SocketAddress* source, ReadyListener& listener);
    /// Goes on with it, after the loop's word.
    Progress finish_connect();

    Result read(char* into, std::size_t room);
    /// What it could not take now is wanted again when the loop says EPOLLOUT.
    Result write(const char* from, std::size_t size);
    /// Whether more can be read that the loop does not know of.
    bool has_buffered() const noexcept { return false; }

    void close() noexcept;
    bool is_closed() const noexcept { return fd_ < 0; }
    /// The errno of the last failure.
    int error() const noexcept { return error_; }
    /// Whether the other end has closed or written, as of this moment.
    bool has_something_to_read() const noexcept;

  private:
    Progress fail(int error);
    void want(std::uint32_t events);

    EventLoop& loop_;
    const StreamTarget& target_;
    int fd_ = -1;
    int error_ = 0;
    std::uint32_t wanted_ = 0;
};

}  // namespace claimstorm
