#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/test_stream.h"

namespace claimstorm::test {

/// What a scripted connection does with one request: bytes to write, and whether it then closes.
struct ScriptedAnswer {
    std::string bytes;
    bool close = false;
    bool reset = false;  ///< close with RST, so that the client sees the connection break
    bool hang = false;   ///< answer nothing more, keep the connection open
    bool cut = false;    ///< close without the farewell of TLS
    /// Asked for one piece after another behind `bytes`, until it gives an empty one or the client
    /// has gone.
    std::function<std::string()> more = {};
    int pause_ms = 0;  ///< before each of those pieces
};

inline std::string http_answer(int status, const std::string& body,
                               const std::string& headers = "") {
    return "HTTP/1.1 " + std::to_string(status) +
           " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" +
           body;
}

/// A real HTTP server on loopback whose every byte a test decides. One thread a connection; all
/// end with the object.
class ScriptedServer {
  public:
    /// `answer` gets the whole request (headers and body) and its number, counted from 0 over all
    /// connections. Called from several threads at once.
    using Answer = std::function<ScriptedAnswer(const std::string& request, int number)>;

    explicit ScriptedServer(Answer answer, Listening where = {})
        : answer_(std::move(answer)), where_(std::move(where)), listener_(where_) {
        acceptor_ = std::thread([this] { accept_loop(); });
    }

    ~ScriptedServer() { stop(); }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    /// Closes every connection and stops listening, as a service that dies.
    void stop() {
        if (stopping_.exchange(true)) return;
        acceptor_.join();
        ::shutdown(listener_.fd(), SHUT_RDWR);
        const std::lock_guard lock(mutex_);
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

    /// Refuses further connections; those there are go on.
    void refuse() {
        refusing_ = true;
        ::shutdown(listener_.fd(), SHUT_RDWR);
    }

    /// From the next request on: answers when the first bytes of it are there.
    void answer_at_first_bytes() { hasty_ = true; }

    std::string url() const {
        return (where_.tls != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
               std::to_string(listener_.port());
    }
    std::uint16_t port() const { return listener_.port(); }
    int requests() const { return requests_; }
    int connections() const { return connections_; }
    /// How many connections came from each address.
    std::map<std::string, int> peers() {
        const std::lock_guard lock(peers_mutex_);
        return peers_;
    }

  private:
    static constexpr int kPollMs = 20;

    void accept_loop() {
        while (!stopping_ && !refusing_) {
            pollfd waiting{listener_.fd(), POLLIN, 0};
            if (::poll(&waiting, 1, kPollMs) <= 0) continue;
            const int connection = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (connection < 0) continue;
            ++connections_;
            const std::lock_guard lock(mutex_);
            threads_.emplace_back([this, connection] { serve(connection); });
        }
    }

    void serve(int connection) {
        TestStream stream(connection, where_, stopping_);
        if (!stream.is_good()) return;
        if (where_.unix_path.empty()) {
            const std::lock_guard lock(peers_mutex_);
            ++peers_[stream.peer()];
        }
        std::string unread;
        while (!stopping_) {
            const std::string request = take_request(stream, unread);
            if (request.empty()) break;
            const ScriptedAnswer answer = answer_(request, requests_++);
            bool is_there = stream.write(answer.bytes);
            while (answer.more && is_there && !stopping_) {
                if (stream.has_gone(answer.pause_ms)) break;
                const std::string piece = answer.more();
                if (piece.empty()) break;
                is_there = stream.write(piece);
            }
            if (answer.reset) stream.reset_at_close();
            if (answer.close) stream.end();
            if (answer.close || answer.reset || answer.cut) break;
            if (answer.hang) wait_for_end(stream);
        }
    }

    /// One request with its body; empty when the connection ended or the server stops.
    std::string take_request(TestStream& stream, std::string& unread) {
        while (true) {
            if (hasty_ && !unread.empty()) return std::exchange(unread, {});
            const std::size_t header_end = unread.find("\r\n\r\n");
            if (header_end != std::string::npos) {
                std::size_t length = 0;
                const std::size_t field = unread.find("Content-Length: ");
                if (field < header_end) length = std::stoul(unread.substr(field + 16));
                const std::size_t total = header_end + 4 + length;
                if (unread.size() >= total) {
                    std::string request = unread.substr(0, total);
                    unread.erase(0, total);
                    return request;
                }
            }
            if (!stream.wait()) return {};
            char buffer[4096];
            const std::size_t n = stream.read(buffer, sizeof buffer);
            if (n == 0) return {};
            unread.append(buffer, n);
        }
    }

    static void wait_for_end(TestStream& stream) {
        char byte = 0;
        while (stream.wait() && stream.read(&byte, 1) > 0) {
        }
    }

    Answer answer_;
    Listening where_;
    TestListener listener_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> refusing_{false};
    std::atomic<bool> hasty_{false};
    std::atomic<int> requests_{0};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::list<std::thread> threads_;
    std::mutex peers_mutex_;
    std::map<std::string, int> peers_;
    std::thread acceptor_;
};

}  // namespace claimstorm::test
