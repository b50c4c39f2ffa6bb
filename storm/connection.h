#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "model/history.h"
#include "storm/polling.h"
#include "storm/response_parser.h"

namespace claimstorm {

class Connection;

/// The worker that owns a connection: its clock, and who is told when an exchange is over.
class ExchangeListener {
  public:
    ExchangeListener() = default;
    virtual ~ExchangeListener() = default;
    ExchangeListener(const ExchangeListener&) = delete;
    ExchangeListener& operator=(const ExchangeListener&) = delete;

    virtual TimeNs now_ns() const = 0;
    /// The first write has been made; `exchange().sent_ns` is set.
    virtual void on_sent(Connection& connection) = 0;
    virtual void on_exchange_done(Connection& connection) = 0;
};

/// One request and what came of it.
struct Exchange {
    std::string request;
    bool head = false;  ///< a HEAD request: its response has no body whatever it announces
    const HeaderNames* wanted_headers = nullptr;  ///< those to keep; null: none
    std::string body;
    std::string headers;  ///< those wanted, as `keep_header` gathers them
    int status = 0;       ///< 0: no status line was read
    TransportError error = TransportError::none;
    bool bytes_left = false;  ///< some of the request may have reached the service
    TimeNs sent_ns = kNever;
    TimeNs first_byte_ns = kNever;
    TimeNs done_ns = kNever;
};

/// One keep-alive HTTP/1.1 connection of the native transport: one exchange at a time, opened
/// when needed, never resent: an exchange is told as it went. Used by its worker's thread only.
class Connection {
  public:
    Connection(boost::asio::io_context& io, const boost::asio::ip::tcp::endpoint& endpoint,
               ExchangeListener& listener);

    bool is_open() const noexcept { return open_; }

    /// Opens the connection ahead of its first exchange; `on_exchange_done` tells the end of it.
    void open();

    /// Starts the exchange in `exchange()` (whose `request` the caller has filled in).
    void start();

    /// `start()` in two halves, for a release: first every connection writes, then every one reads.
    void send();
    void await_response();

    /// Ends the exchange in flight, if there is one, with `error`; the connection is closed.
    void give_up(TransportError error);

    Exchange& exchange() noexcept { return exchange_; }
    /// Grows with every exchange begun: tells a timeout whether its exchange is still the same.
    std::uint64_t serial() const noexcept { return serial_; }
    bool in_flight() const noexcept { return in_flight_; }

    // Kept by the worker for its own use.
    TimeNs idle_since_ns = 0;
    std::size_t planned_index = 0;        ///< the attempt in flight
    bool waited = false;                  ///< that attempt had to wait for a free connection
    std::optional<PolledAttempt> polled;  ///< set: the exchange is a poll for this attempt instead

  private:
    void reset_exchange();
    void connect();
    void on_connected(const boost::system::error_code& error);
    void write_request();
    void write_rest(std::size_t written);
    void read_more();
    void on_read(const boost::system::error_code& error, std::size_t bytes);
    void parse();
    void on_end_of_stream();
    void complete();
    void finish(TransportError error);
    void close();
    bool was_closed_by_peer();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::ip::tcp::endpoint endpoint_;
    ExchangeListener& listener_;
    Exchange exchange_;
    boost::beast::flat_buffer buffer_;
    std::optional<ResponseParser> parser_;
    std::uint64_t serial_ = 0;
    std::uint64_t socket_generation_ = 0;  // handlers of a closed socket know that they are late
    bool open_ = false;
    bool fresh_ = true;     // no exchange on this socket yet
    bool opening_ = false;  // connecting without a request behind it
    bool in_flight_ = false;
    bool sent_ = false;  // the request is out and its response awaited
};

}  // namespace claimstorm
