#pragma once

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "tests/support/test_stream.h"

namespace claimstorm::test {

/// An HTTP proxy that knows CONNECT only, and leads every tunnel to one port of 127.0.0.1. `status`
/// other than 200: it refuses instead.
class TunnelProxy {
  public:
    explicit TunnelProxy(std::uint16_t to, int status = 200)
        : to_(to), status_(status), listener_(Listening{}) {
        acceptor_ = std::thread([this] { accept_loop(); });
    }
    ~TunnelProxy() {
        stopping_ = true;
        acceptor_.join();
        for (std::thread& thread : threads_) thread.join();
    }
    TunnelProxy(const TunnelProxy&) = delete;
    TunnelProxy& operator=(const TunnelProxy&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(listener_.port()); }
    std::string last_request() {
        const std::lock_guard lock(mutex_);
        return last_request_;
    }

  private:
    void accept_loop() {
        while (!stopping_) {
            pollfd waiting{listener_.fd(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const int fd = ::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd >= 0) threads_.emplace_back([this, fd] { serve(fd); });
        }
    }

    void serve(int client) {
        std::string request;
        char byte = 0;
        while (request.find("\r\n\r\n") == std::string::npos && ::recv(client, &byte, 1, 0) == 1) {
            request.push_back(byte);
        }
        {
            const std::lock_guard lock(mutex_);
            last_request_ = request;
        }
        const std::string answer = "HTTP/1.1 " + std::to_string(status_) + " X\r\n\r\n";
        ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        if (status_ == 200) join(client);
        ::close(client);
    }

    void join(int client) {
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(to_);
        if (::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
            while (!stopping_ && pass_some(client, server)) {
            }
        }
        ::close(server);
    }

    static bool pass_some(int client, int server) {
        std::array<pollfd, 2> ends{{{client, POLLIN, 0}, {server, POLLIN, 0}}};
        ::poll(ends.data(), ends.size(), 20);
        for (std::size_t i = 0; i < 2; ++i) {
            if (ends[i].revents == 0) continue;
            std::array<char, 16384> bytes{};
            const ssize_t got = ::recv(ends[i].fd, bytes.data(), bytes.size(), 0);
            if (got <= 0) return false;
            ::send(ends[1 - i].fd, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL);
        }
        return true;
    }

    std::uint16_t to_;
    int status_;
    TestListener listener_;
    std::atomic<bool> stopping_{false};
    std::mutex mutex_;
    std::string last_request_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace claimstorm::test
