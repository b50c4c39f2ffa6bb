#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <nghttp2/nghttp2.h>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/test_stream.h"

namespace claimstorm::test {

struct H2Request {
    std::int32_t stream = 0;
    std::map<std::string, std::string> headers;  ///< pseudo headers too: ":path"
    std::string body;
};

/// What a scripted stream does with its request.
struct H2Answer {
    int status = 200;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::size_t long_body = 0;  ///< so many bytes behind `body`
    int interim = 0;            ///< a 1xx status before
    bool hang = false;          ///< answer nothing
    int reset = -1;             ///< RST_STREAM with this code instead
    int go_away = -1;           ///< GOAWAY with this last stream, besides
    bool close = false;         ///< close the connection instead, all other streams with it
    std::string raw = {};       ///< write these bytes instead, whatever they are
};

/// A frame, well-formed or not.
inline std::string h2_frame(int type, int flags, std::int32_t stream, const std::string& payload) {
    const auto byte = [](std::size_t value) { return static_cast<char>(value & 0xFF); };
    const auto id = static_cast<std::size_t>(stream);
    std::string frame = {byte(payload.size() >> 16),
                         byte(payload.size() >> 8),
                         byte(payload.size()),
                         static_cast<char>(type),
                         static_cast<char>(flags),
                         byte(id >> 24),
                         byte(id >> 16),
                         byte(id >> 8),
                         byte(id)};
    return frame + payload;
}

/// A real HTTP/2 server on loopback, by nghttp2, each of whose answers a test decides. One thread
/// a connection; all end with the object.
class H2Server {
  public:
    /// Called when a request is whole, from several threads at once; `number` counts from 0.
    using Answer = std::function<H2Answer(const H2Request& request, int number)>;

    explicit H2Server(Answer answer, Listening where = {}, std::uint32_t streams_max = 100)
        : answer_(std::move(answer)),
          where_(std::move(where)),
          streams_max_(streams_max),
          listener_(where_) {
        acceptor_ = std::thread([this] { accept_loop(); });
    }
    ~H2Server() { stop(); }
    H2Server(const H2Server&) = delete;
    H2Server& operator=(const H2Server&) = delete;

    void stop() {
        if (stopping_.exchange(true)) return;
        acceptor_.join();
        ::shutdown(listener_.fd(), SHUT_RDWR);
        const std::lock_guard lock(mutex_);
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

    std::string url() const {
        return (where_.tls != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
               std::to_string(listener_.port());
    }
    int requests() const { return requests_; }
    int connections() const { return connections_; }
    int cancelled() const { return cancelled_; }
    /// How many requests became whole by each read that made any so.
    std::vector<int> ends_by_read() {
        const std::lock_guard lock(figures_);
        return ends_by_read_;
    }
    /// Of all reads before the first that made a request whole: the streams they had begun.
    int begun_before_first_end() const { return begun_before_first_end_; }
    int most_streams_at_once() const { return most_at_once_; }

  private:
    struct Connection {
        H2Server& server;
        nghttp2_session* session = nullptr;
        std::map<std::int32_t, H2Request> requests = {};
        std::vector<std::int32_t> whole = {};
        std::map<std::int32_t, std::pair<std::string, std::size_t>> bodies = {};  // and bytes left
        int open = 0;
        std::string raw = {};
        bool is_over = false;
    };

    void accept_loop() {
        while (!stopping_) {
            pollfd waiting{listener_.fd(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            ++connections_;
            const std::lock_guard lock(mutex_);
            threads_.emplace_back([this, fd] { serve(fd); });
        }
    }

    void serve(int fd) {
        TestStream stream(fd, where_, stopping_);
        if (!stream.is_good()) return;
        Connection connection{*this};
        start(connection);
        std::vector<char> buffer(std::size_t{256} * 1024);
        while (write_all(stream, connection) && !connection.is_over && stream.wait()) {
            const std::size_t size = stream.read(buffer.data(), buffer.size());
            if (size == 0) break;
            const auto used = nghttp2_session_mem_recv(
                connection.session, reinterpret_cast<const std::uint8_t*>(buffer.data()), size);
            if (used < 0) break;
            note(connection);
            answer_whole(connection);
        }
        if (connection.is_over) stream.end();
        nghttp2_session_del(connection.session);
    }

    void start(Connection& connection) {
        nghttp2_session_callbacks* callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_server_new(&connection.session, callbacks, &connection);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry settings[] = {
            {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_max_}};
        nghttp2_submit_settings(connection.session, NGHTTP2_FLAG_NONE, settings, 1);
    }

    static bool write_all(TestStream& stream, Connection& connection) {
        while (true) {
            const std::uint8_t* bytes = nullptr;
            const auto size = nghttp2_session_mem_send(connection.session, &bytes);
            if (size <= 0) break;
            if (!stream.write(
                    {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)})) {
                return false;
            }
        }
        return stream.write(std::exchange(connection.raw, {}));
    }

    void note(Connection& connection) {
        const int ends = static_cast<int>(connection.whole.size());
        const std::lock_guard lock(figures_);
        if (ends == 0 && ends_by_read_.empty()) {
            begun_before_first_end_ = static_cast<int>(connection.requests.size());
        }
        if (ends > 0) ends_by_read_.push_back(ends);
        most_at_once_ = std::max<int>(most_at_once_, connection.open);
    }

    void answer_whole(Connection& connection) {
        for (const std::int32_t id : std::exchange(connection.whole, {})) {
            const H2Answer answer = answer_(connection.requests[id], requests_++);
            connection.requests.erase(id);
            give(connection, id, answer);
        }
    }

    static nghttp2_nv field(std::string_view name, std::string_view value) {
        const auto bytes = [](std::string_view text) {
            return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
        };
        return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
    }

    static void give(Connection& connection, std::int32_t id, const H2Answer& answer) {
        nghttp2_session* session = connection.session;
        if (answer.go_away >= 0) {
            nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, answer.go_away, NGHTTP2_NO_ERROR,
                                  nullptr, 0);
        }
        connection.raw += answer.raw;
        if (answer.close) connection.is_over = true;
        if (answer.close || answer.hang || !answer.raw.empty()) return;
        if (answer.reset >= 0) {
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id,
                                      static_cast<std::uint32_t>(answer.reset));
            return;
        }
        if (answer.interim != 0) {
            const std::string interim = std::to_string(answer.interim);
            const nghttp2_nv fields[] = {field(":status", interim)};
            nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, id, nullptr, fields, 1, nullptr);
        }
        const std::string status = std::to_string(answer.status);
        std::vector<nghttp2_nv> fields = {field(":status", status)};
        for (const auto& [name, value] : answer.headers) fields.push_back(field(name, value));
        connection.bodies[id] = {answer.body, answer.body.size() + answer.long_body};
        nghttp2_data_provider body{};
        body.read_callback = read_body;
        nghttp2_submit_response(session, id, fields.data(), fields.size(), &body);
    }

    static Connection& of(void* user) { return *static_cast<Connection*>(user); }

    static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* into,
                             std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                             void* user) {
        auto& [text, left] = of(user).bodies[id];
        const std::size_t size = std::min(room, left);
        std::fill_n(into, size, static_cast<std::uint8_t>('a'));
        std::copy_n(text.begin(), std::min(size, text.size()), into);
        text.erase(0, size);
        left -= size;
        if (left == 0) *flags = NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }

    static int on_begin(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Connection& connection = of(user);
        connection.requests[frame->hd.stream_id].stream = frame->hd.stream_id;
        ++connection.open;
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        of(user)
            .requests[frame->hd.stream_id]
            .headers[{reinterpret_cast<const char*>(name), name_size}] = {
            reinterpret_cast<const char*>(value), value_size};
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                       std::size_t size, void* user) {
        of(user).requests[id].body.append(reinterpret_cast<const char*>(bytes), size);
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Connection& connection = of(user);
        if (frame->hd.type == NGHTTP2_RST_STREAM) ++connection.server.cancelled_;
        const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
        if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
            connection.whole.push_back(frame->hd.stream_id);
        }
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
        Connection& connection = of(user);
        --connection.open;
        connection.bodies.erase(id);
        connection.requests.erase(id);
        return 0;
    }

    Answer answer_;
    Listening where_;
    std::uint32_t streams_max_;
    TestListener listener_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> requests_{0};
    std::atomic<int> connections_{0};
    std::atomic<int> cancelled_{0};
    std::atomic<int> begun_before_first_end_{0};
    std::atomic<int> most_at_once_{0};
    std::mutex figures_;
    std::vector<int> ends_by_read_;
    std::mutex mutex_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace claimstorm::test
