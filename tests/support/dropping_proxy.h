#pragma once

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace claimstorm {

/// A TCP proxy on loopback that breaks the connection on which the client says a given text, once:
/// before the server hears it, or after the server has answered it and before the client hears
/// that. One thread a connection; the test's own clients are few.
class DroppingProxy {
  public:
    enum class When : std::uint8_t { before_effect, after_effect };

    explicit DroppingProxy(std::uint16_t server_port)
        : server_port_(server_port), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        if (::bind(listener_, as_generic(address), size) != 0 || ::listen(listener_, 64) != 0 ||
            ::getsockname(listener_, as_generic(address), &size) != 0) {
            throw std::runtime_error("the proxy cannot listen");
        }
        port_ = ntohs(address.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~DroppingProxy() {
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        acceptor_.join();
        for (std::thread& connection : connections_) connection.join();
        ::close(listener_);
    }
    DroppingProxy(const DroppingProxy&) = delete;
    DroppingProxy& operator=(const DroppingProxy&) = delete;

    std::uint16_t port() const noexcept { return port_; }

    /// Precondition: not armed. `text` is compared with what arrives in one piece.
    void arm(std::string text, When when) {
        const std::lock_guard lock(mutex_);
        armed_ = Drop{std::move(text), when};
    }
    /// Whether the armed drop has happened.
    bool has_dropped() {
        const std::lock_guard lock(mutex_);
        return !armed_;
    }

  private:
    struct Drop {
        std::string text;
        When when = When::before_effect;
    };

    /// The armed drop if `said` is what it waits for; it is disarmed then.
    std::optional<Drop> take_drop(const std::string& said) {
        const std::lock_guard lock(mutex_);
        if (!armed_ || said.find(armed_->text) == std::string::npos) return std::nullopt;
        return std::exchange(armed_, std::nullopt);
    }

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }
    static sockaddr* as_generic(sockaddr_in& address) {
        return reinterpret_cast<sockaddr*>(&address);
    }

    void accept_all() {
        while (!stopping_) {
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0) continue;
            connections_.emplace_back([this, client] { carry(client); });
        }
    }

    void carry(int client) {
        const int server = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address = loopback(server_port_);
        if (::connect(server, as_generic(address), sizeof address) == 0) {
            while (!stopping_ && carry_once(client, server)) {
            }
        }
        ::close(client);
        ::close(server);
    }

    bool carry_once(int client, int server) {
        std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
        if (::poll(ends.data(), ends.size(), 20) < 0) return false;
        if (ends[0].revents != 0) {
            const std::string said = read_some(client);
            if (said.empty()) return false;
            if (const auto drop = take_drop(said)) {
                const bool heard = drop->when == When::after_effect && write_all(server, said);
                if (heard) read_some(server);
                return false;
            }
            if (!write_all(server, said)) return false;
        }
        if (ends[1].revents != 0) {
            const std::string answered = read_some(server);
            if (answered.empty() || !write_all(client, answered)) return false;
        }
        return true;
    }

    static std::string read_some(int from) {
        std::string bytes(65536, '\0');
        const ssize_t got = ::recv(from, bytes.data(), bytes.size(), 0);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }
    static bool write_all(int to, std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t put = ::send(to, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (put <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
        return true;
    }

    std::uint16_t server_port_;
    int listener_;
    std::uint16_t port_ = 0;
    std::mutex mutex_;
    std::optional<Drop> armed_;
    std::atomic<bool> stopping_{false};
    std::thread acceptor_;
    std::vector<std::thread> connections_;
};

}  // namespace claimstorm
