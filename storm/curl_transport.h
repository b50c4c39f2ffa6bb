#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "storm/curl_handle.h"
#include "storm/transport.h"

namespace claimstorm {

class CurlTransport;

/// One exchange at a time by libcurl, over a connection that its pool has for it.
class CurlConnection final : public Connection {
  public:
    CurlConnection(CurlTransport& transport, const std::string& source, ExchangeListener& listener);
    ~CurlConnection() override;

    /// libcurl opens connections when it needs them.
    bool is_open() const noexcept override { return true; }
    /// The first of a worker opens a connection, and closes it again: a service, a proxy or a
    /// certificate that is not to be had is told before the release. More cannot be done: a
    /// connection that libcurl opens without a request is not one that it will use. A warm-up
    /// request leaves connections open.
    void open() override;
    /// No gate but the full one is carried: nothing goes before the release.
    void hold() override {}
    void send() override;

    /// The transfer is over.
    void on_done(CURLcode code);

  private:
    static int on_request(void* self, char*, char*, int, int);
    static std::size_t on_header(char* text, std::size_t, std::size_t size, void* self);
    static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self);

    void describe_request();
    void start();
    TransportError error_of(CURLcode code) const;
    TransportError connect_error(CURLcode code) const;
    std::size_t refuse(TransportError error);
    void close() override;

    CurlTransport& transport_;
    CurlHandle handle_;
    CurlList headers_;
    std::string target_;  // what CURLOPT_REQUEST_TARGET points to
    bool is_probe_ = false;
    bool is_running_ = false;
    std::size_t header_bytes_ = 0;
    TransportError refused_ = TransportError::none;  // by a limit of ours
    std::string errors_;                             // libcurl writes its words here
};

/// libcurl's multi interface, driven by the worker's loop: one pool of connections a worker, as
/// many as it has exchanges at once.
class CurlTransport final : public Transport, private ReadyListener {
  public:
    CurlTransport(const Route& route, EventLoop& loop, std::size_t first_connection);
    ~CurlTransport() override;

    std::unique_ptr<Connection> make_connection(ExchangeListener& listener) override;

    // For its connections.
    const Route& route() const noexcept { return route_; }
    EventLoop& loop() noexcept { return loop_; }
    curl_slist* resolved() const noexcept { return resolved_.get(); }
    /// Whether the caller is to look if the service can be reached: one is.
    bool takes_probe() noexcept { return !std::exchange(is_probed_, true); }
    bool add(CURL* handle);
    void remove(CURL* handle) noexcept;

  private:
    /// One of libcurl's sockets. Stays until the end: its number comes again.
    struct Socket final : ReadyListener {
        Socket(CurlTransport& whose, curl_socket_t number) : transport(whose), fd(number) {}
        void on_ready(std::uint32_t events) override;
        CurlTransport& transport;
        curl_socket_t fd;
        std::uint32_t watched = 0;
    };

    static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
    static int on_timer(CURLM*, long timeout_ms, void* self);

    void on_ready(std::uint32_t events) override;
    void act(curl_socket_t fd, int what);
    void watch(curl_socket_t fd, std::uint32_t events);

    const Route& route_;
    EventLoop& loop_;
    std::size_t next_;
    long connections_ = 0;
    bool is_probed_ = false;
    bool is_later_ = false;
    int timer_ = -1;  // a timerfd: the loop's other users pay nothing for it
    CurlList resolved_;
    CURLM* multi_;
    std::vector<std::unique_ptr<Socket>> sockets_;  // by file descriptor
};

}  // namespace claimstorm
