#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace claimstorm::reference {

struct HttpRequest {
    std::string method;
    std::string target;  ///< the path and, behind a '?', the query
    std::string body;
    bool from_loopback = false;  ///< the client is on this machine
};

/// A JSON answer.
struct HttpResponse {
    int status = 200;
    std::string body;
    std::string allow;     ///< the Allow header of a 405, else empty
    bool dropped = false;  ///< the connection is closed instead: the reply is lost
};

struct HttpFrontOptions {
    std::string host = "127.0.0.1";  ///< an IP address
    std::uint16_t port = 0;          ///< 0: any free one
    int listener =
        -1;  ///< a listening socket of the caller's to use instead; it stays the caller's
    std::size_t max_connections = 20000;
    std::uint32_t max_header_bytes = 8192;
    std::size_t max_body_bytes = 16384;
    /// A kept-alive connection may be silent this long: storms connect well before they fire.
    std::chrono::seconds idle_timeout{120};
    /// From a request's first byte to its last, and for writing its answer.
    std::chrono::seconds request_timeout{30};
    /// After `stop`: how long requests being served may take to end.
    std::chrono::seconds drain_timeout{5};
};

/// Binds and listens for others to serve on, e.g. for processes that come and go.
class ListeningSocket {
  public:
    /// Throws UsageError for no address, EnvironmentError when it cannot, e.g. a port is taken.
    explicit ListeningSocket(const HttpFrontOptions& options);
    ~ListeningSocket();
    ListeningSocket(const ListeningSocket&) = delete;
    ListeningSocket& operator=(const ListeningSocket&) = delete;

    int descriptor() const noexcept { return descriptor_; }

  private:
    int descriptor_;
};

/// HTTP/1.1 with keep-alive on one thread. It only moves bytes: requests go to the handler, which
/// may answer at once or later from any thread. One request a connection is in work at a time;
/// pipelined ones wait their turn.
class HttpFront {
  public:
    /// Answers the request; called once, from any thread, also after the front is gone.
    using Respond = std::function<void(HttpResponse)>;
    /// Called on the front's thread, so it must not block and not throw.
    using Handler = std::function<void(HttpRequest, Respond)>;

    /// Binds and listens. Throws EnvironmentError when it cannot, e.g. because the port is taken.
    HttpFront(HttpFrontOptions options, Handler handler);
    ~HttpFront();
    HttpFront(const HttpFront&) = delete;
    HttpFront& operator=(const HttpFront&) = delete;

    std::uint16_t port() const noexcept;

    /// Serves on the calling thread until `stop` was called and the requests in work are answered.
    void run();
    /// No more connections, no more requests; from any thread.
    void stop();

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace claimstorm::reference
