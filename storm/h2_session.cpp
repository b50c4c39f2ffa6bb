#include "storm/h2_session.h"

#include <algorithm>
#include <array>
#include <nghttp2/nghttp2.h>

#include "storm/h2_callbacks.h"
#include "storm/response_parser.h"

namespace claimstorm {
namespace {

using Progress = ByteStream::Progress;

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
/// What is gathered for one write. All final frames of a release are far below it.
constexpr std::size_t kWriteBytesMax = std::size_t{256} * 1024;
/// A storm's answers come all at once: none waits for room in a window.
constexpr std::int32_t kSessionWindow = 16 * 1024 * 1024;
constexpr std::uint32_t kStreamWindow = ResponseParser::kBodyBytesMax;

nghttp2_nv field(std::string_view name, std::string_view value) {
    // nghttp2 copies both, and writes names in lower case.
    const auto bytes = [](std::string_view text) {
        return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

H2Session::H2Session(EventLoop& loop, const StreamTarget& target, const SocketAddress* source)
    : loop_(loop), stream_(loop, target), source_(source) {}

H2Session::~H2Session() {
    nghttp2_session_del(session_);
}

std::size_t H2Session::room() const noexcept {
    if (is_draining_ || broken_ != TransportError::none) return 0;
    const std::size_t taken = streams_ + waiting_.size();
    return streams_max_ > taken ? streams_max_ - taken : 0;
}

// ---- opening ------------------------------------------------------------------------------------

void H2Session::wait(H2Stream& stream) {
    waiting_.push_back(&stream);
    if (state_ == State::open) {
        later();
    } else if (state_ == State::closed && waiting_.size() == 1) {
        state_ = State::connecting;
        on_connect(stream_.connect(source_, *this));
    }
}

void H2Session::on_connect(Progress progress) {
    if (progress == Progress::waits) return;
    if (progress == Progress::done) {
        start();
        return;
    }
    broken_ = stream_.connect_error();
    reason_ = stream_.reason();
    later();  // who waits may have begun to just now
}

void H2Session::start() {
    if (nghttp2_session_client_new2(&session_, H2Callbacks::table(), this,
                                    H2Callbacks::options()) != 0) {
        throw std::bad_alloc();
    }
    state_ = State::settling;
    const std::array<nghttp2_settings_entry, 3> settings = {
        {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
         {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, ResponseParser::kHeaderBytesMax}}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kSessionWindow);
    flush();
}

// ---- sending ------------------------------------------------------------------------------------

bool H2Session::submit(H2Stream& stream, const RequestParts& parts, bool hold) {
    thread_local std::vector<nghttp2_nv> fields;
    fields.clear();
    fields.push_back(field(":method", parts.method));
    fields.push_back(field(":scheme", stream_.is_secure() ? "https" : "http"));
    fields.push_back(field(":authority", parts.host));
    fields.push_back(field(":path", parts.path));
    for (const auto& [name, value] : parts.headers) fields.push_back(field(name, value));
    nghttp2_data_provider body{};
    body.read_callback = H2Callbacks::read_body;
    const bool has_body = hold || !parts.body.empty();
    const std::int32_t id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                                   has_body ? &body : nullptr, &stream);
    if (id < 0) {
        is_draining_ = true;  // out of stream numbers
        return false;
    }
    stream.id_ = id;
    stream.body_ = parts.body;
    stream.held_ = hold;
    stream.is_final_ = stream.was_reset_ = false;
    stream.live_index_ = live_.size();
    live_.push_back(&stream);
    ++streams_;
    if (!hold) unsent_.push_back(&stream);
    return true;
}

bool H2Session::let_out(H2Stream& stream) {
    if (stream.id_ == 0) return false;
    stream.held_ = false;
    unsent_.push_back(&stream);
    // Refused where a part of the body still waits for a window: the end goes behind that.
    nghttp2_session_resume_data(session_, stream.id_);
    return true;
}

void H2Session::gather() {
    while (out_.size() < kWriteBytesMax) {
        const std::uint8_t* bytes = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
        if (size <= 0) {
            if (size < 0) broken_ = TransportError::reset;
            return;
        }
        out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    }
}

void H2Session::flush() {
    if (session_ == nullptr || broken_ != TransportError::none) return;
    while (true) {
        const bool is_rest = written_ < out_.size();
        if (!is_rest) {
            out_.clear();
            written_ = 0;
            gather();
            if (!ended_.empty() || broken_ != TransportError::none) later();
            if (out_.empty()) return;
            sending_.swap(unsent_);
            for (H2Stream* stream : sending_) stream->on_sending();
        }
        const auto [progress, bytes] =
            stream_.write(out_.data() + written_, out_.size() - written_);
        written_ += bytes;
        const bool failed = progress == Progress::failed;
        for (H2Stream* stream : sending_) stream->on_sent(!failed || bytes > 0);
        sending_.clear();
        if (failed) {
            broken_ = stream_.break_error();
            reason_ = stream_.reason();
            later();
        }
        if (progress != Progress::done) return;
    }
}

void H2Session::freshen() {
    if (session_ == nullptr || broken_ != TransportError::none) return;
    read_some();
    if (!ended_.empty() || !waiting_.empty() || broken_ != TransportError::none) later();
}

// ---- what comes ---------------------------------------------------------------------------------

void H2Session::later() {
    if (is_later_) return;
    is_later_ = true;
    loop_.later(*this);
}

void H2Session::on_ready(std::uint32_t events) {
    if (events == 0) {
        is_later_ = false;
    } else if (state_ == State::connecting) {
        on_connect(stream_.finish_connect());
    } else if (session_ != nullptr) {
        const bool can_read = (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
        if (can_read || stream_.read_wants_to_write()) read_some();
    }
    flush();
    close_if_over();
    tell();
}

void H2Session::read_some() {
    thread_local std::array<char, kReadBytes> buffer;
    do {
        const auto [progress, bytes] = stream_.read(buffer.data(), buffer.size());
        if (progress == Progress::waits) return;
        if (progress != Progress::done) {
            const bool is_closed = progress == Progress::closed;
            broken_ = is_closed ? TransportError::closed_early : stream_.break_error();
            reason_ = is_closed ? "the service closed the connection" : stream_.reason();
            return;
        }
        const ssize_t used = nghttp2_session_mem_recv(
            session_, reinterpret_cast<const std::uint8_t*>(buffer.data()), bytes);
        if (used < 0) {
            broken_ = TransportError::bad_response;
            if (reason_.empty()) reason_ = nghttp2_strerror(static_cast<int>(used));
            return;
        }
    } while (stream_.has_buffered());
}

/// Closes the session when it broke, or when both sides have said all they will.
void H2Session::close_if_over() {
    if (broken_ != TransportError::none) {
        end(broken_, std::move(reason_));
    } else if (session_ != nullptr && nghttp2_session_want_read(session_) == 0 &&
               nghttp2_session_want_write(session_) == 0 && written_ == out_.size()) {
        const bool is_theirs = is_draining_;
        end(is_theirs ? TransportError::reset : TransportError::bad_response, std::move(reason_));
    }
}

void H2Session::end(TransportError error, std::string reason) {
    while (!live_.empty()) end_stream(*live_.back(), error);
    stream_.close();
    nghttp2_session_del(session_);
    session_ = nullptr;
    state_ = State::closed;
    is_draining_ = false;
    broken_ = TransportError::none;
    streams_ = 0;
    streams_max_ = std::max<std::size_t>(1, streams_max_);
    unsent_.clear();
    out_.clear();
    written_ = 0;
    failure_ = error;
    reason_ = std::move(reason);
}

void H2Session::detach(H2Stream& stream) {
    if (stream.id_ == 0) return;
    stream.id_ = 0;
    live_[stream.live_index_] = live_.back();
    live_[stream.live_index_]->live_index_ = stream.live_index_;
    live_.pop_back();
    unsent_.erase(std::remove(unsent_.begin(), unsent_.end(), &stream), unsent_.end());
}

void H2Session::end_stream(H2Stream& stream, TransportError error) {
    nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
    detach(stream);
    ended_.emplace_back(&stream, error);
}

void H2Session::forget(H2Stream& stream) {
    const auto is_it = [&stream](const H2Stream* one) { return one == &stream; };
    waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), is_it), waiting_.end());
    ended_.erase(std::remove_if(ended_.begin(), ended_.end(),
                                [&](const auto& one) { return one.first == &stream; }),
                 ended_.end());
    if (stream.id_ != 0) {
        nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_CANCEL);
        detach(stream);
        later();
    }
    // Whoever waits next for a service that does not speak knocks anew.
    if (waiting_.empty() && (state_ == State::connecting || state_ == State::settling)) {
        end(TransportError::connect_timeout, {});
    }
}

/// Tells what has happened. What is told may begin the next exchange, here or elsewhere.
void H2Session::tell() {
    while (!ended_.empty()) {
        const auto [stream, error] = ended_.front();
        ended_.erase(ended_.begin());
        stream->on_end(error);
    }
    if (waiting_.empty() || state_ == State::connecting || state_ == State::settling) return;
    std::vector<H2Stream*> told;
    told.swap(waiting_);
    const TransportError failure = state_ == State::open ? TransportError::none : failure_;
    const std::string reason = reason_;
    for (H2Stream* stream : told) {
        if (failure == TransportError::none) {
            stream->on_session_ready();
        } else {
            stream->on_session_failed(failure, reason);
        }
    }
}

}  // namespace claimstorm
