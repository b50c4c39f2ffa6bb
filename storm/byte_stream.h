#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "model/outcome.h"
#include "storm/event_loop.h"
#include "storm/socket_address.h"
#include "storm/tls.h"

namespace claimstorm {

/// Where byte streams lead to.
struct StreamTarget {
    SocketAddress to;
    std::shared_ptr<const TlsClient> tls;  ///< null: plain
};

/// The bytes of one connection, plain or through TLS, without ever blocking. Between `connect` and
/// `close` its listener is told by the loop when there is something to do.
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

    /// Begins to connect, from `source` unless it is null, up to the end of TLS's handshake.
    /// Precondition: closed.
    Progress connect(const SocketAddress* source, ReadyListener& listener);
    /// Goes on with it, after the loop's word.
    Progress finish_connect();

    Result read(char* into, std::size_t room);
    /// What it could not take now is wanted again when the loop says EPOLLOUT.
    Result write(const char* from, std::size_t size);
    /// Whether more can be read that the loop does not know of.
    bool has_buffered() const noexcept { return tls_ != nullptr && tls_->has_buffered(); }
    /// Whether reading, too, goes on when the loop says EPOLLOUT.
    bool read_wants_to_write() const noexcept { return read_wants_to_write_; }

    bool is_secure() const noexcept { return target_.tls != nullptr; }

    void close() noexcept;
    bool is_closed() const noexcept { return fd_ < 0; }
    /// What a failure to connect is.
    TransportError connect_error() const noexcept;
    /// What a failure to read or write is, once part of a request is out.
    TransportError break_error() const noexcept;
    /// The last failure in words.
    std::string reason() const;
    /// Whether the other end has closed or written, as of this moment.
    bool has_something_to_read() const noexcept;

  private:
    Progress finish_handshake();
    Result read_tls(char* into, std::size_t room);
    Result write_tls(const char* from, std::size_t size);
    Progress fail(int error);
    Progress fail_in_tls();
    void want(std::uint32_t events);

    EventLoop& loop_;
    const StreamTarget& target_;
    std::unique_ptr<TlsSession> tls_;
    std::string tls_reason_;
    int fd_ = -1;
    int error_ = 0;  // errno; 0: TLS's own
    std::uint32_t wanted_ = 0;
    bool was_cut_off_ = false;
    bool read_wants_to_write_ = false;
};

}  // namespace claimstorm
