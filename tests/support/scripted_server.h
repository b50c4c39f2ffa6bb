#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace claimstorm::test {

/// What a scripted connection does with one request: bytes to write, and whether it then closes.
struct ScriptedAnswer {
    std::string bytes;
    bool close = false;
    bool reset = false;  ///< close with RST, so that the client sees the connection break
    bool hang = false;   ///< answer nothing more, keep the connection open
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

    explicit ScriptedServer(Answer answer) : answer_(std::move(answer)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const int bound = ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
        const int listening = ::listen(listener_, 1024);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = bound == 0 && listening == 0 ? ntohs(address.sin_port) : 0;
        acceptor_ = std::thread([this] { accept_loop(); });
    }

    ~ScriptedServer() {
        stop();
        ::close(listener_);
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    /// Closes every connection and stops listening, as a service that dies.
    void stop() {
        if (stopping_.exchange(true)) return;
        acceptor_.join();
        ::shutdown(listener_, SHUT_RDWR);
        const std::lock_guard lock(mutex_);
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }

    /// Refuses further connections; those there are go on.
    void refuse() {
        refusing_ = true;
        ::shutdown(listener_, SHUT_RDWR);
    }

    /// From the next request on: answers when the first bytes of it are there.
    void answer_at_first_bytes() { hasty_ = true; }

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    int requests() const { return requests_; }
    int connections() const { return connections_; }
    /// The address of each connection's other end, in the order they came.
    std::vector<std::string> peers() {
        const std::lock_guard lock(mutex_);
        return peers_;
    }

  private:
    static constexpr int kPollMs = 20;

    void accept_loop() {
        while (!stopping_ && !refusing_) {
            pollfd waiting{listener_, POLLIN, 0};
            if (::poll(&waiting, 1, kPollMs) <= 0) continue;
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            const int connection =
                ::accept4(listener_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC);
            if (connection < 0) continue;
            ++connections_;
            char text[INET_ADDRSTRLEN] = {};
            ::inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
            const std::lock_guard lock(mutex_);
            peers_.emplace_back(text);
            threads_.emplace_back([this, connection] { serve(connection); });
        }
    }

    void serve(int connection) {
        std::string unread;
        while (!stopping_) {
            const std::string request = take_request(connection, unread);
            if (request.empty()) break;
            const ScriptedAnswer answer = answer_(request, requests_++);
            bool is_there = send_all(connection, answer.bytes);
            while (answer.more && is_there && !stopping_) {
                if (has_gone(connection, answer.pause_ms)) break;
                const std::string piece = answer.more();
                if (piece.empty()) break;
                is_there = send_all(connection, piece);
            }
            if (answer.reset) {
                const linger now{1, 0};
                ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            }
            if (answer.close || answer.reset) break;
            if (answer.hang) wait_for_end(connection);
        }
        ::close(connection);
    }

    static bool send_all(int connection, const std::string& bytes) {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t n =
                ::send(connection, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return false;
            sent += static_cast<std::size_t>(n);
        }
        return true;
    }

    /// Waits so long for the client's end of the connection.
    static bool has_gone(int connection, int wait_ms) {
        pollfd waiting{connection, POLLIN, 0};
        if (::poll(&waiting, 1, wait_ms) <= 0) return false;
        char byte = 0;
        return ::recv(connection, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
    }

    /// One request with its body; empty when the connection ended or the server stops.
    std::string take_request(int connection, std::string& unread) {
        while (!stopping_) {
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
            pollfd waiting{connection, POLLIN, 0};
            if (::poll(&waiting, 1, kPollMs) <= 0) continue;
            char buffer[4096];
            const ssize_t n = ::recv(connection, buffer, sizeof buffer, 0);
            if (n <= 0) return {};
            unread.append(buffer, static_cast<std::size_t>(n));
        }
        return {};
    }

    void wait_for_end(int connection) {
        while (!stopping_) {
            pollfd waiting{connection, POLLIN, 0};
            if (::poll(&waiting, 1, kPollMs) <= 0) continue;
            char byte = 0;
            if (::recv(connection, &byte, 1, 0) <= 0) return;
        }
    }

    Answer answer_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> refusing_{false};
    std::atomic<bool> hasty_{false};
    std::atomic<int> requests_{0};
    std::atomic<int> connections_{0};
    std::mutex mutex_;
    std::list<std::thread> threads_;
    std::vector<std::string> peers_;
    std::thread acceptor_;
};

}  // namespace claimstorm::test
