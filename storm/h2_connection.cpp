#include "storm/h2_connection.h"

#include <algorithm>
#include <charconv>

#include "storm/response_parser.h"

namespace claimstorm {
namespace {

/// A session may close, or turn out to be full, while an exchange waits for it.
constexpr int kTriesMax = 3;
/// Idle for longer than this, a session is looked at before it is used, as Http1Connection does.
constexpr TimeNs kIdleTrustedNs = 50'000'000;
/// What RFC 9113, 6.5.2 counts for a header field beside its name and value.
constexpr std::size_t kFieldOverhead = 32;

}  // namespace

H2Sessions::H2Sessions(EventLoop& loop, const StreamTarget& target,
                       const std::vector<SocketAddress>& sources, std::size_t first_source)
    : loop_(loop), target_(target), sources_(sources), next_source_(first_source) {}

H2Session& H2Sessions::add() {
    const SocketAddress* source = nullptr;
    if (!sources_.empty()) source = &sources_[next_source_++ % sources_.size()];
    return *sessions_.emplace_back(std::make_unique<H2Session>(loop_, target_, source));
}

H2Session* H2Sessions::pick(std::size_t connection) {
    if (sessions_.empty()) add();
    if (dealt_ == 0) {
        H2Session& first = *sessions_.front();
        if (!first.is_open()) return &first;
        if (first.streams_max() == 0) return nullptr;
        dealt_ = (connections_ + first.streams_max() - 1) / first.streams_max();
        while (sessions_.size() < dealt_) add();
    }
    H2Session& own = *sessions_[connection % dealt_];
    if (own.room() > 0) return &own;
    const auto other = std::find_if(sessions_.begin(), sessions_.end(),
                                    [](const auto& session) { return session->room() > 0; });
    if (other != sessions_.end()) return other->get();
    return sessions_.size() < connections_ + dealt_ ? &add() : nullptr;
}

H2Connection::H2Connection(EventLoop& loop, H2Sessions& sessions, ExchangeListener& listener)
    : Connection(loop, listener), sessions_(sessions), number_(sessions.add_connection()) {}

H2Connection::~H2Connection() {
    if (in_flight_) close();
}

void H2Connection::open() {
    begin();
    opening_ = true;
    tries_ = 0;
    start();
}

// What does not fit the service's window before the release follows behind it: the loop does not
// turn in between.
void H2Connection::hold() {
    begin();
    opening_ = false;
    tries_ = 0;
    held_ = true;
    session_ = sessions_.pick(number_);
    if (session_ == nullptr || !session_->is_open() || !submit(true)) {
        session_ = nullptr;  // then all of it goes at the release
        return;
    }
    part_left_ = true;
    session_->flush();
}

void H2Connection::send() {
    load();
    if (session_ != nullptr) session_->flush();
}

void H2Connection::load() {
    const bool was_held = held_ && session_ != nullptr;
    if (was_held) {
        held_ = false;
        // A held stream that is no more may have been served, however unlikely: handlers begin
        // with the headers. Its end is told later.
        if (!session_->let_out(*this)) exchange_.sent_ns = listener_.now_ns();
        return;
    }
    if (!held_) {
        begin();
        opening_ = false;
        tries_ = 0;
        if (is_open() && listener_.now_ns() - idle_since_ns_ > kIdleTrustedNs) session_->freshen();
    }
    held_ = false;
    start();
}

void H2Connection::start() {
    while (++tries_ <= kTriesMax) {
        session_ = sessions_.pick(number_);
        if (session_ == nullptr) {
            exchange_.reason = "the service allows too few streams";
            finish_later(TransportError::connect_failed);
            return;
        }
        if (opening_ || !session_->is_open()) {
            session_->wait(*this);
            return;
        }
        if (submit(false)) return;
    }
    finish_later(TransportError::send_failed);
}

bool H2Connection::submit(bool hold) {
    thread_local RequestParts parts;
    take_apart(exchange_.request, parts);
    header_bytes_ = 0;
    part_left_ = false;
    return session_->submit(*this, parts, hold);
}

void H2Connection::on_session_ready() {
    if (!opening_) {
        start();
        if (session_ != nullptr) session_->flush();
        return;
    }
    // Now that the service's limit is known, this connection's session may be another one.
    session_ = sessions_.pick(number_);
    if (session_ == nullptr) {
        exchange_.reason = "the service allows too few streams";
        finish(TransportError::connect_failed);
    } else if (session_->is_open()) {
        idle_since_ns_ = listener_.now_ns();
        finish(TransportError::none);
    } else {
        session_->wait(*this);
    }
}

void H2Connection::on_session_failed(TransportError error, const std::string& reason) {
    exchange_.reason = reason;
    finish(error);
}

void H2Connection::on_sending() {
    exchange_.sent_ns = listener_.now_ns();
}

void H2Connection::on_sent(bool left) {
    if (left) {
        listener_.on_sent(*this);
    } else if (!part_left_) {
        exchange_.sent_ns = kNever;
    }
}

void H2Connection::on_headers_begin() {
    if (exchange_.first_byte_ns == kNever) exchange_.first_byte_ns = listener_.now_ns();
}

TransportError H2Connection::on_header(std::string_view name, std::string_view value) {
    header_bytes_ += name.size() + value.size() + kFieldOverhead;
    if (header_bytes_ > ResponseParser::kHeaderBytesMax) return TransportError::header_too_large;
    if (name == ":status") {
        std::from_chars(value.data(), value.data() + value.size(), exchange_.status);
    } else if (name == "content-length" && !exchange_.head) {
        std::size_t announced = 0;
        std::from_chars(value.data(), value.data() + value.size(), announced);
        if (announced > ResponseParser::kBodyBytesMax) return TransportError::body_too_large;
    } else if (exchange_.wanted_headers != nullptr) {
        keep_header(exchange_.headers, *exchange_.wanted_headers, name, value);
    }
    return TransportError::none;
}

TransportError H2Connection::on_data(std::string_view bytes) {
    if (exchange_.body.size() + bytes.size() > ResponseParser::kBodyBytesMax) {
        return TransportError::body_too_large;
    }
    exchange_.body.append(bytes);
    return TransportError::none;
}

bool H2Connection::on_headers_end() {
    if (exchange_.status / 100 != 1) return true;
    exchange_.status = 0;
    exchange_.headers.clear();
    return false;
}

void H2Connection::on_end(TransportError error) {
    if (error == TransportError::none) {
        exchange_.done_ns = idle_since_ns_ = listener_.now_ns();
        if (exchange_.sent_ns == kNever) exchange_.sent_ns = exchange_.first_byte_ns;
        finish(error);
    } else if (exchange_.sent_ns != kNever) {
        finish(error);
    } else if (part_left_) {
        exchange_.sent_ns = listener_.now_ns();
        finish(error);
    } else {
        // The service had closed the connection, and not a byte is out: a new one is no retry.
        start();
        if (session_ != nullptr) session_->flush();
    }
}

void H2Connection::close() {
    if (session_ != nullptr) session_->forget(*this);
    session_ = nullptr;
}

}  // namespace claimstorm
