#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

#include "lab/posix.h"

namespace claimstorm::bench {

/// Nanoseconds since 1970: the clock by which the kernel stamps packets.
using StampNs = std::int64_t;

StampNs stamp_now() noexcept;

/// What recv(2) tells, with the instant at which the last packet of it reached this machine. Where
/// the kernel gives no stamp, the instant of the call. `size` as recv: 0 at the end, -1 on error.
struct Received {
    ssize_t size = 0;
    StampNs at = 0;
};
Received receive_stamped(int socket, char* buffer, std::size_t size) noexcept;

/// Asks the kernel to stamp what arrives on the socket.
void ask_for_stamps(int socket) noexcept;

/// A non-blocking listener on a free port of 127.0.0.1. Throws EnvironmentError.
UniqueFd listen_on_loopback(std::uint16_t& port);

/// A connection of an HttpLoop. Stays what it is when its socket number is used again.
struct ClientId {
    int socket = -1;
    std::uint32_t serial = 0;
};

/// Length of the HTTP/1.1 request at the front of `bytes` (head, and body by Content-Length); 0
/// when it has not come whole; nullopt when it is none.
std::optional<std::size_t> request_length(std::string_view bytes);

class HttpLoop;

/// Decides what an HttpLoop answers. Called on the loop's thread.
class RequestHandler {
  public:
    RequestHandler() = default;
    virtual ~RequestHandler() = default;
    RequestHandler(const RequestHandler&) = delete;
    RequestHandler& operator=(const RequestHandler&) = delete;

    /// A request is here whole; `arrived` is when its last byte was.
    virtual void on_request(HttpLoop& loop, ClientId client, StampNs arrived) = 0;
    /// Called after every round of the loop; the return value is when it wants to be called again
    /// at the latest.
    virtual StampNs on_round(HttpLoop& loop, StampNs now);
};

/// An HTTP/1.1 server of one thread with nothing in it that costs: what a load generator is
/// measured against, and what says when its requests arrived.
class HttpLoop {
  public:
    /// Listens on a free port and serves from now on. With `stamped`, `arrived` is the kernel's
    /// stamp; without, it is 0 and costs nothing. Throws EnvironmentError.
    HttpLoop(RequestHandler& handler, bool stamped);
    ~HttpLoop();
    HttpLoop(const HttpLoop&) = delete;
    HttpLoop& operator=(const HttpLoop&) = delete;

    std::uint16_t port() const noexcept { return port_; }
    std::string url() const;
    /// CPU that the serving thread has used, in seconds.
    double cpu_s() const;
    int connections() const noexcept { return open_; }

    /// Sends a whole answer; for the handler. A client that is gone, or that takes no 200 bytes,
    /// gets none.
    void answer(ClientId id, std::string_view bytes) noexcept;

  private:
    struct Client {
        UniqueFd socket;
        std::uint32_t serial = 0;
        std::string unread;
    };

    void serve();
    void accept_all();
    void read_from(int socket);
    void take_requests(Client& client, std::string_view bytes, StampNs at);
    void drop(int socket) noexcept;

    RequestHandler& handler_;
    bool stamped_;
    std::uint16_t port_ = 0;
    UniqueFd listener_;
    UniqueFd epoll_;
    UniqueFd wake_;
    std::vector<std::unique_ptr<Client>> clients_;  // by socket number
    std::uint32_t serials_ = 0;
    std::atomic<int> open_ = 0;
    std::atomic<bool> stop_ = false;
    mutable std::thread thread_;  // its handle is asked for in const functions
};

}  // namespace claimstorm::bench
