#pragma once

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <cstdint>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace claimstorm::test {

/// Waits for a number of connections, and notes, when the first request on any of them is whole,
/// how much of theirs all the others have sent. Answers each with 200. Requests of equal length.
class GatedServer {
  public:
    explicit GatedServer(std::size_t connections) : wanted_(connections) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
            ::listen(listener_, 1024) == 0) {
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
            port_ = ntohs(address.sin_port);
        }
        thread_ = std::thread([this] { serve(); });
    }
    ~GatedServer() {
        stopping_ = true;
        thread_.join();
        for (const int fd : fds_) ::close(fd);
        ::close(listener_);
    }
    GatedServer(const GatedServer&) = delete;
    GatedServer& operator=(const GatedServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    /// How many bytes all requests together had still to send.
    std::size_t missing_at_first_whole() const { return missing_; }
    /// How much the slowest had sent.
    std::size_t least_at_first_whole() const { return least_; }

  private:
    static bool is_whole(const std::string& request) {
        const std::size_t end = request.find("\r\n\r\n");
        const std::size_t field = request.find("Content-Length: ");
        return end != std::string::npos && field < end &&
               request.size() >= end + 4 + std::stoul(request.substr(field + 16));
    }

    bool take(std::size_t i) {
        char buffer[4096];
        const ssize_t got = ::recv(fds_[i], buffer, sizeof buffer, MSG_DONTWAIT);
        if (got > 0) requests_[i].append(buffer, static_cast<std::size_t>(got));
        return got > 0 && is_whole(requests_[i]);
    }

    void serve() {
        bool seen_whole = false;
        std::size_t answered = 0;
        while (!stopping_ && answered < wanted_) {
            std::vector<pollfd> waiting;
            if (fds_.size() < wanted_) waiting.push_back({listener_, POLLIN, 0});
            for (const int fd : fds_) waiting.push_back({fd, POLLIN, 0});
            if (::poll(waiting.data(), waiting.size(), 20) <= 0) continue;
            if (fds_.size() < wanted_ && (waiting.front().revents & POLLIN) != 0) {
                fds_.push_back(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
                requests_.emplace_back();
                continue;
            }
            for (std::size_t i = 0; i < fds_.size(); ++i) {
                if (!take(i)) continue;
                if (!seen_whole) note(i);
                seen_whole = true;
                static const std::string answer = "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}";
                if (::send(fds_[i], answer.data(), answer.size(), MSG_NOSIGNAL) > 0) ++answered;
            }
        }
    }

    void note(std::size_t whole) {
        least_ = requests_[whole].size();
        for (std::size_t i = 0; i < fds_.size(); ++i) {
            if (i == whole) continue;
            take(i);
            missing_ +=
                requests_[whole].size() - std::min(requests_[whole].size(), requests_[i].size());
            least_ = std::min(least_, requests_[i].size());
        }
        for (std::size_t i = fds_.size(); i < wanted_; ++i) least_ = 0;
        // What was taken whole in passing must still be answered.
        static const std::string answer = "HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}";
        for (std::size_t i = 0; i < fds_.size(); ++i) {
            if (i != whole && is_whole(requests_[i])) {
                ::send(fds_[i], answer.data(), answer.size(), MSG_NOSIGNAL);
            }
        }
    }

    std::size_t wanted_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_{false};
    std::vector<int> fds_;
    std::vector<std::string> requests_;
    std::size_t missing_ = 0;
    std::size_t least_ = 0;
    std::thread thread_;
};

}  // namespace claimstorm::test
