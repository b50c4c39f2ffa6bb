#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/history.h"
#include "storm/event_loop.h"
#include "storm/plan.h"
#include "storm/polling.h"
#include "storm/response_headers.h"

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
    std::string request;  ///< as HTTP/1.1 writes it; other transports take it apart
    bool head = false;    ///< a HEAD request: its response has no body whatever it announces
    const HeaderNames* wanted_headers = nullptr;  ///< those to keep; null: none
    std::string body;
    std::string headers;  ///< those wanted, as `keep_header` gathers them
    int status = 0;       ///< 0: no status line was read
    TransportError error = TransportError::none;
    std::string reason;  ///< of a failure to connect, in words
    TimeNs sent_ns = kNever;
    TimeNs first_byte_ns = kNever;
    TimeNs done_ns = kNever;
};

/// Whatever carries one exchange at a time: a connection of HTTP/1.1, a stream of HTTP/2, a
/// transfer of libcurl's. Opened when needed, never resent: an exchange is told as it went. Used by
/// its worker's thread only.
class Connection {
  public:
    Connection(EventLoop& loop, ExchangeListener& listener) : listener_(listener), loop_(loop) {}
    virtual ~Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    virtual bool is_open() const noexcept = 0;

    /// Opens the connection ahead of its first exchange; `on_exchange_done` tells the end of it.
    virtual void open() = 0;

    /// Begins the exchange in `exchange()` (whose `request` the caller has filled in) and sends of
    /// it what a gate lets out before the release. The service cannot have served it by that.
    virtual void hold() = 0;

    /// Begins the exchange, or lets out the rest of one that was held.
    virtual void send() = 0;

    /// Ends the exchange in flight, if there is one, with `error`; the connection is closed.
    void give_up(TransportError error) {
        if (in_flight_) finish(error);
    }

    Exchange& exchange() noexcept { return exchange_; }
    /// Grows with every exchange begun: tells a timeout whether its exchange is still the same.
    std::uint64_t serial() const noexcept { return serial_; }
    bool in_flight() const noexcept { return in_flight_; }

    // Kept by the worker for its own use.
    PlannedAttempt planned;               ///< the attempt in flight
    std::vector<PlannedAttempt> later;    ///< the later clicks that its send makes due
    bool waited = false;                  ///< that attempt had to wait for a free connection
    std::optional<PolledAttempt> polled;  ///< set: the exchange is a poll for this attempt instead

  protected:
    /// What was left of the exchange before is cleared.
    void begin();
    /// Ends the exchange: with an error, the connection is closed first.
    void finish(TransportError error);
    /// Does so in the loop's next turn: who called `open` or `send` is not prepared for it yet.
    void finish_later(TransportError error);
    virtual void close() = 0;

    ExchangeListener& listener_;
    Exchange exchange_;
    bool in_flight_ = false;

  private:
    /// The end that is told in the loop's next turn, unless another exchange has begun by then.
    struct Late final : ReadyListener {
        explicit Late(Connection& whose) : connection(whose) {}
        void on_ready(std::uint32_t) override {
            if (serial == connection.serial_) connection.finish(error);
        }
        Connection& connection;
        TransportError error = TransportError::none;
        std::uint64_t serial = 0;
    };

    EventLoop& loop_;
    Late late_{*this};
    std::uint64_t serial_ = 0;
};

}  // namespace claimstorm
