#pragma once

#include <cstddef>
#include <cstdint>

#include "storm/byte_stream.h"
#include "storm/connection.h"
#include "storm/response_reader.h"

namespace claimstorm {

/// A keep-alive HTTP/1.1 connection of the native transport.
class Http1Connection final : public Connection, private ReadyListener {
  public:
    /// `source` null: the system chooses the local address.
    Http1Connection(EventLoop& loop, const StreamTarget& target, const SocketAddress* source,
                    ExchangeListener& listener);

    bool is_open() const noexcept override { return state_ == State::open; }
    void open() override;
    void hold() override;
    void send() override;

  private:
    enum class State : std::uint8_t { closed, connecting, open };

    void on_ready(std::uint32_t events) override;
    void forget_last_exchange();
    void connect();
    void on_connect(ByteStream::Progress progress);
    void write_request();
    void write_rest();
    void read_some();
    void on_progress(ResponseReader::Progress progress);
    void close() override;

    ByteStream stream_;
    const SocketAddress* source_;
    State state_ = State::closed;
    bool opening_ = false;        // connecting without a request behind it
    bool held_ = false;           // part of the request is out, the rest waits for the release
    bool is_second_try_ = false;  // on a new connection: there is no third
    std::size_t written_ = 0;
    ResponseReader reader_{exchange_};
    TimeNs idle_since_ns_ = 0;
};

}  // namespace claimstorm
