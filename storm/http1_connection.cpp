#include "storm/http1_connection.h"

#include <array>

namespace claimstorm {
namespace {

using Progress = ByteStream::Progress;

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
/// Idle for longer than this, a connection is looked at before it is used: the service may have
/// closed it, and a request written into it would be lost without anybody being at fault.
constexpr TimeNs kIdleTrustedNs = 50'000'000;

}  // namespace

Http1Connection::Http1Connection(EventLoop& loop, const StreamTarget& target,
                                 const SocketAddress* source, ExchangeListener& listener)
    : Connection(loop, listener), stream_(loop, target), source_(source) {}

void Http1Connection::open() {
    begin();
    opening_ = true;
    connect();
}

void Http1Connection::hold() {
    begin();
    opening_ = false;
    held_ = true;
    forget_last_exchange();
    if (state_ != State::open) return;  // then all of it goes at the release
    const auto [progress, bytes] =
        stream_.write(exchange_.request.data(), exchange_.request.size() - 1);
    written_ = bytes;
    if (progress == Progress::failed) close();
}

void Http1Connection::send() {
    if (!held_) {
        begin();
        opening_ = false;
        forget_last_exchange();
        if (state_ == State::open && listener_.now_ns() - idle_since_ns_ > kIdleTrustedNs &&
            stream_.has_something_to_read()) {
            close();
        }
    }
    held_ = false;
    if (state_ == State::open) {
        write_request();
    } else {
        connect();
    }
}

void Http1Connection::forget_last_exchange() {
    written_ = 0;
    is_second_try_ = false;
    reader_.begin();
}

void Http1Connection::connect() {
    written_ = 0;
    is_second_try_ = true;
    state_ = State::connecting;
    on_connect(stream_.connect(source_, *this));
}

void Http1Connection::on_connect(Progress progress) {
    if (progress == Progress::waits) return;
    if (progress != Progress::done) {
        exchange_.reason = stream_.reason();
        finish_later(stream_.connect_error());
        return;
    }
    state_ = State::open;
    idle_since_ns_ = listener_.now_ns();
    if (!opening_) {
        write_request();
    } else {
        finish_later(TransportError::none);
    }
}

void Http1Connection::write_request() {
    const bool is_first_write = exchange_.sent_ns == kNever;
    if (is_first_write) exchange_.sent_ns = listener_.now_ns();
    const auto [progress, bytes] =
        stream_.write(exchange_.request.data() + written_, exchange_.request.size() - written_);
    written_ += bytes;
    if (progress == Progress::failed) {
        exchange_.sent_ns = kNever;  // nothing left, or not enough to be served
        close();
        if (is_second_try_) {
            finish_later(TransportError::send_failed);
        } else {
            // The service had closed an idle connection: a new one is no retry.
            connect();
        }
        return;
    }
    listener_.on_sent(*this);
}

void Http1Connection::write_rest() {
    if (held_ || exchange_.sent_ns == kNever || written_ == exchange_.request.size()) return;
    const auto [progress, bytes] =
        stream_.write(exchange_.request.data() + written_, exchange_.request.size() - written_);
    written_ += bytes;
    if (progress == Progress::failed) finish(stream_.break_error());
}

void Http1Connection::on_ready(std::uint32_t events) {
    if (state_ == State::connecting) {
        const Progress progress = stream_.finish_connect();
        if (progress == Progress::failed) {
            exchange_.reason = stream_.reason();
            finish(stream_.connect_error());
        } else if (progress == Progress::done) {
            on_connect(progress);
        }
        return;
    }
    // A service may answer before it has read everything, and close: its answer counts.
    const bool can_read = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    if (can_read || stream_.read_wants_to_write()) read_some();
    if ((events & EPOLLOUT) != 0 && in_flight_ && state_ == State::open) write_rest();
}

void Http1Connection::read_some() {
    // One for all connections of a thread: nothing stays in it between two reads.
    thread_local std::array<char, kReadBytes> buffer;
    do {
        const auto [progress, bytes] = stream_.read(buffer.data(), buffer.size());
        if (progress == Progress::waits) return;
        if (!in_flight_ || held_ || opening_) {
            // An answer nobody asked for, or the service closing an idle connection. What was held
            // back of a request goes over a new one, with what had left: it cannot be served.
            if (progress == Progress::failed) exchange_.reason = stream_.reason();
            close();
            return;
        }
        if (progress == Progress::closed) {
            on_progress(reader_.take_end());
        } else if (progress == Progress::failed) {
            finish(stream_.break_error());
        } else {
            if (exchange_.first_byte_ns == kNever) exchange_.first_byte_ns = listener_.now_ns();
            on_progress(reader_.take({buffer.data(), bytes}));
        }
    } while (!stream_.is_closed() && stream_.has_buffered());
}

void Http1Connection::on_progress(ResponseReader::Progress progress) {
    if (progress == ResponseReader::Progress::wants_more) return;
    if (progress == ResponseReader::Progress::failed) return finish(reader_.error());
    exchange_.done_ns = listener_.now_ns();
    // A stream whose request is not out yet cannot carry another.
    if (!reader_.may_go_on() || written_ < exchange_.request.size()) close();
    idle_since_ns_ = exchange_.done_ns;
    finish(TransportError::none);
}

void Http1Connection::close() {
    stream_.close();
    held_ = false;
    state_ = State::closed;
}

}  // namespace claimstorm
