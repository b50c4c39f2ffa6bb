#include "bench/h2_receiver.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <string_view>
#include <sys/socket.h>

#include <fmt/format.h>

#include "bench/receiver.h"
#include "model/error.h"

namespace claimstorm::bench {
namespace {

constexpr std::uint32_t kStreamsMax = 1000;
constexpr std::size_t kReadBytes = std::size_t{64} * 1024;

nghttp2_nv header(std::string_view name, std::string_view value) {
    // nghttp2 takes pointers to mutable bytes and copies them.
    auto* n = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
    auto* v = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
    return {n, v, name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

ssize_t read_body(nghttp2_session* /*session*/, std::int32_t /*stream*/, std::uint8_t* buffer,
                  std::size_t size, std::uint32_t* flags, nghttp2_data_source* /*source*/,
                  void* /*user_data*/) {
    const std::string_view body = kGrantedBody;
    if (size < body.size()) return NGHTTP2_ERR_CALLBACK_FAILURE;
    std::copy(body.begin(), body.end(), buffer);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(body.size());
}

}  // namespace

/// One connection.
class H2Receiver::Session {
  public:
    explicit Session(UniqueFd socket) : socket_(std::move(socket)) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_server_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kStreamsMax};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &settings, 1);
    }
    ~Session() { nghttp2_session_del(session_); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Reads what is there and answers; false when the connection is over. Adds to `arrivals` one
    /// instant a request that has become whole.
    bool turn(std::vector<StampNs>& arrivals) {
        std::array<std::uint8_t, kReadBytes> buffer;  // NOLINT: not filled, as recv does that
        const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size < 0) return errno == EAGAIN || errno == EINTR;
        if (size == 0) return false;
        const StampNs now = stamp_now();
        whole_ = 0;
        if (nghttp2_session_mem_recv(session_, buffer.data(), static_cast<std::size_t>(size)) < 0) {
            return false;
        }
        arrivals.insert(arrivals.end(), whole_, now);
        return send_all();
    }

    bool send_all() {
        for (;;) {
            const std::uint8_t* bytes = nullptr;
            const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
            if (size == 0) return true;
            if (size < 0) return false;
            const auto length = static_cast<std::size_t>(size);
            if (::send(socket_.get(), bytes, length, MSG_NOSIGNAL) != size) return false;
        }
    }

  private:
    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
        const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (!may_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
        ++static_cast<Session*>(user_data)->whole_;
        const std::array<nghttp2_nv, 2> headers = {header(":status", "200"),
                                                   header("content-type", "application/json")};
        nghttp2_data_provider body{};
        body.read_callback = read_body;
        nghttp2_submit_response(session, frame->hd.stream_id, headers.data(), headers.size(),
                                &body);
        return 0;
    }

    UniqueFd socket_;
    nghttp2_session* session_ = nullptr;
    std::size_t whole_ = 0;  // requests that the bytes at hand have completed
};

H2Receiver::H2Receiver() : listener_(listen_on_loopback(port_)), thread_([this] { serve(); }) {}

H2Receiver::~H2Receiver() {
    stop_ = true;
    thread_.join();
}

std::string H2Receiver::url() const {
    return fmt::format("http://127.0.0.1:{}", port_);
}

void H2Receiver::begin() {
    const std::lock_guard lock(mutex_);
    arrivals_.clear();
}

std::vector<StampNs> H2Receiver::arrivals() const {
    const std::lock_guard lock(mutex_);
    return arrivals_;
}

void H2Receiver::serve() {
    constexpr std::chrono::milliseconds kIdle{20};
    while (!stop_) {
        if (sessions_.empty()) wait_readable(listener_.get(), kIdle);
        accept_all();
        std::erase_if(sessions_, [this](const auto& session) { return !turn(*session); });
    }
    sessions_.clear();
}

void H2Receiver::accept_all() {
    for (;;) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket) return;
        const int yes = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        auto session = std::make_unique<Session>(std::move(socket));
        if (session->send_all()) sessions_.push_back(std::move(session));
    }
}

bool H2Receiver::turn(Session& session) {
    const std::lock_guard lock(mutex_);
    return session.turn(arrivals_);
}

}  // namespace claimstorm::bench
