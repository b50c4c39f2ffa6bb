#include "storm/connection.h"

#include <cerrno>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

namespace claimstorm {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadBytes = 4096;
/// Idle for longer than this, a connection is looked at before it is used: the service may have
/// closed it, and a request written into it would be lost without anybody being at fault.
constexpr TimeNs kIdleTrustedNs = 50'000'000;
/// What the parser has not taken yet (a header, a chunk header) may grow to this.
constexpr std::size_t kUnparsedBytesMax = std::size_t{2} * ResponseParser::kHeaderBytesMax;

TransportError connect_error(const error_code& error) {
    if (error == asio::error::connection_refused) return TransportError::connect_refused;
    if (error == asio::error::timed_out) return TransportError::connect_timeout;
    return TransportError::connect_failed;
}

}  // namespace

Connection::Connection(asio::io_context& io, const asio::ip::tcp::endpoint& endpoint,
                       ExchangeListener& listener)
    : socket_(io), endpoint_(endpoint), listener_(listener) {}

void Connection::reset_exchange() {
    exchange_.body.clear();
    exchange_.headers.clear();
    exchange_.status = 0;
    exchange_.error = TransportError::none;
    exchange_.bytes_left = false;
    exchange_.sent_ns = kNever;
    exchange_.first_byte_ns = kNever;
    exchange_.done_ns = kNever;
    parser_.reset();
    buffer_.clear();
    sent_ = false;
    in_flight_ = true;
    ++serial_;
}

void Connection::open() {
    reset_exchange();
    opening_ = true;
    connect();
}

void Connection::start() {
    send();
    await_response();
}

void Connection::send() {
    reset_exchange();
    opening_ = false;
    if (open_ && listener_.now_ns() - idle_since_ns > kIdleTrustedNs && was_closed_by_peer()) {
        close();
    }
    if (open_) {
        write_request();
    } else {
        connect();
    }
}

void Connection::await_response() {
    if (sent_) read_more();
}

bool Connection::was_closed_by_peer() {
    char byte = 0;
    const ssize_t n = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

void Connection::connect() {
    error_code error;
    socket_.open(endpoint_.protocol(), error);
    if (!error) socket_.set_option(asio::ip::tcp::no_delay(true), error);
    if (!error) socket_.non_blocking(true, error);
    const std::uint64_t generation = socket_generation_;
    if (error) {
        // Told from the loop, as every other end is: the caller is not prepared for it yet.
        asio::post(socket_.get_executor(), [this, generation, error] {
            if (generation == socket_generation_) on_connected(error);
        });
        return;
    }
    socket_.async_connect(endpoint_, [this, generation](const error_code& result) {
        if (generation == socket_generation_) on_connected(result);
    });
}

void Connection::on_connected(const error_code& error) {
    if (error) {
        finish(connect_error(error));
        return;
    }
    open_ = true;
    fresh_ = true;
    if (opening_) {
        finish(TransportError::none);
        return;
    }
    write_request();
    if (sent_) read_more();
}

void Connection::write_request() {
    exchange_.sent_ns = listener_.now_ns();
    error_code error;
    const std::size_t written = socket_.write_some(asio::buffer(exchange_.request), error);
    if (!error && written == exchange_.request.size()) {
        exchange_.bytes_left = true;
        sent_ = true;
        listener_.on_sent(*this);
        return;
    }
    if (!error || error == asio::error::would_block) {
        listener_.on_sent(*this);
        write_rest(written);
        return;
    }
    exchange_.sent_ns = kNever;  // nothing left
    close();
    if (fresh_) {
        const std::uint64_t generation = socket_generation_;
        asio::post(socket_.get_executor(), [this, generation] {
            if (generation == socket_generation_) finish(TransportError::send_failed);
        });
        return;
    }
    // The service had closed an idle connection. No byte left, so a new connection is no retry.
    connect();
}

void Connection::write_rest(std::size_t written) {
    const std::uint64_t generation = socket_generation_;
    // Part of the request may be out from here on, whatever the completion says.
    exchange_.bytes_left = true;
    asio::async_write(socket_, asio::buffer(exchange_.request) + written,
                      [this, generation](const error_code& error, std::size_t) {
                          if (generation != socket_generation_) return;
                          if (error) {
                              finish(TransportError::reset);
                              return;
                          }
                          sent_ = true;
                          read_more();
                      });
}

void Connection::read_more() {
    const std::uint64_t generation = socket_generation_;
    socket_.async_read_some(buffer_.prepare(kReadBytes),
                            [this, generation](const error_code& error, std::size_t bytes) {
                                if (generation == socket_generation_) on_read(error, bytes);
                            });
}

void Connection::on_read(const error_code& error, std::size_t bytes) {
    if (error == asio::error::eof) {
        on_end_of_stream();
        return;
    }
    if (error) {
        finish(TransportError::reset);
        return;
    }
    if (exchange_.first_byte_ns == kNever) exchange_.first_byte_ns = listener_.now_ns();
    buffer_.commit(bytes);
    parse();
}

void Connection::parse() {
    while (buffer_.size() > 0) {
        if (!parser_) {
            parser_.emplace(exchange_.body, exchange_.wanted_headers, exchange_.headers);
            if (exchange_.head) parser_->skip(true);
        }
        error_code error;
        const std::size_t used = parser_->put(buffer_.data(), error);
        buffer_.consume(used);
        exchange_.status = parser_->status();
        if (error == http::error::need_more) break;
        if (error == http::error::header_limit) return finish(TransportError::header_too_large);
        if (error == http::error::body_limit) return finish(TransportError::body_too_large);
        if (error) return finish(TransportError::bad_response);
        if (!parser_->is_done()) {
            if (used == 0) break;
            continue;
        }
        if (exchange_.status / 100 != 1) return complete();
        // An interim response (100 Continue, 103 Early Hints): the real one follows.
        exchange_.status = 0;
        exchange_.headers.clear();
        parser_.reset();
    }
    if (buffer_.size() > kUnparsedBytesMax) return finish(TransportError::header_too_large);
    read_more();
}

void Connection::on_end_of_stream() {
    if (!parser_ || !parser_->got_some()) return finish(TransportError::closed_early);
    error_code error;
    parser_->put_eof(error);
    if (error || !parser_->is_done()) return finish(TransportError::closed_early);
    complete();
}

void Connection::complete() {
    exchange_.done_ns = listener_.now_ns();
    // Bytes behind the response belong to no request of ours: this stream cannot be trusted on.
    if (!parser_->keep_alive() || buffer_.size() > 0) close();
    finish(TransportError::none);
}

void Connection::finish(TransportError error) {
    if (!in_flight_) return;
    in_flight_ = false;
    fresh_ = false;
    exchange_.error = error;
    if (error != TransportError::none) close();
    listener_.on_exchange_done(*this);
}

void Connection::give_up(TransportError error) {
    if (!in_flight_) return;
    finish(error);
}

void Connection::close() {
    ++socket_generation_;
    open_ = false;
    error_code ignored;
    socket_.close(ignored);
}

}  // namespace claimstorm
