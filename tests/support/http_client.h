#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

namespace claimstorm {

/// What a test reads of a response.
struct TestResponse {
    int status = 0;
    std::string head;
    std::string body;
};

/// A keep-alive HTTP/1.1 connection to loopback made of plain sockets, so that the server is not
/// tested with its own library.
class TestClient {
  public:
    explicit TestClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            ::close(socket_);
            throw std::runtime_error("the test's client cannot connect");
        }
        const int on = 1;
        ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~TestClient() { ::close(socket_); }
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    TestResponse request(std::string_view method, std::string_view path,
                         std::string_view body = {}) {
        std::string text;
        text.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: test\r\n");
        text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
        text.append(body);
        send(text);
        return receive();
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (put <= 0) throw std::runtime_error("the server closed while it was written to");
            bytes.remove_prefix(static_cast<std::size_t>(put));
        }
    }

    /// Reads one response. Throws when the connection ends before it is complete.
    TestResponse receive() {
        std::size_t head_end = 0;
        while ((head_end = kept_.find("\r\n\r\n")) == std::string::npos) read_more();
        TestResponse response;
        response.head = kept_.substr(0, head_end);
        kept_.erase(0, head_end + 4);
        response.status = std::atoi(response.head.substr(response.head.find(' ')).c_str());
        const auto length = response.head.find("Content-Length: ");
        const std::size_t size = std::strtoul(response.head.c_str() + length + 16, nullptr, 10);
        while (kept_.size() < size) read_more();
        response.body = kept_.substr(0, size);
        kept_.erase(0, size);
        return response;
    }

    /// The one of the two that the server says something to first; waits for it.
    static TestClient& first_answered(TestClient& one, TestClient& other) {
        std::array<pollfd, 2> ends{{{one.socket_, POLLIN, 0}, {other.socket_, POLLIN, 0}}};
        ::poll(ends.data(), ends.size(), -1);
        return ends[0].revents != 0 ? one : other;
    }

    /// Whether the server has ended the connection; waits until it says something or ends it.
    bool is_closed() {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_PEEK) <= 0;
    }

  private:
    void read_more() {
        std::array<char, 4096> bytes{};
        const ssize_t got = ::recv(socket_, bytes.data(), bytes.size(), 0);
        if (got <= 0) throw std::runtime_error("the server closed before its answer was complete");
        kept_.append(bytes.data(), static_cast<std::size_t>(got));
    }

    int socket_;
    std::string kept_;
};

}  // namespace claimstorm
