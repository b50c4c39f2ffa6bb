#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <csignal>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/ssl.h>

namespace claimstorm::test {

/// Where a test's server listens.
struct Listening {
    SSL_CTX* tls = nullptr;  ///< null: plain
    std::string unix_path;   ///< empty: a free port of 127.0.0.1
    std::string greeting;    ///< said to whoever connects, before anything is read
    int backlog = 1024;
};

/// A listening socket.
class TestListener {
  public:
    explicit TestListener(const Listening& where) {
        const bool is_unix = !where.unix_path.empty();
        fd_ = ::socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_storage address{};
        socklen_t size = sizeof(sockaddr_in);
        if (is_unix) {
            auto& text = reinterpret_cast<sockaddr_un&>(address);
            text.sun_family = AF_UNIX;
            where.unix_path.copy(text.sun_path, sizeof text.sun_path - 1);
            size = sizeof(sockaddr_un);
        } else {
            auto& ip = reinterpret_cast<sockaddr_in&>(address);
            ip.sin_family = AF_INET;
            ip.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        if (::bind(fd_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(fd_, where.backlog) != 0) {
            throw std::runtime_error("a test's server could not listen");
        }
        ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        if (!is_unix) port_ = ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port);
    }
    ~TestListener() { ::close(fd_); }
    TestListener(const TestListener&) = delete;
    TestListener& operator=(const TestListener&) = delete;

    int fd() const { return fd_; }
    std::uint16_t port() const { return port_; }

  private:
    int fd_ = -1;
    std::uint16_t port_ = 0;
};

/// One accepted connection, plain or through TLS, for a thread of its own.
class TestStream {
  public:
    TestStream(int fd, const Listening& where, const std::atomic<bool>& stopping)
        : fd_(fd), stopping_(stopping) {
        // OpenSSL writes with write(2): the signal of a closed pipe is this thread's alone.
        sigset_t pipe;
        sigemptyset(&pipe);
        sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        const timeval patience{5, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (!where.greeting.empty()) write(where.greeting);
        if (where.tls == nullptr) return;
        ssl_ = SSL_new(where.tls);
        SSL_set_fd(ssl_, fd_);
        is_good_ = SSL_accept(ssl_) == 1;
    }
    ~TestStream() {
        if (ssl_ != nullptr) SSL_free(ssl_);
        ::close(fd_);
    }
    TestStream(const TestStream&) = delete;
    TestStream& operator=(const TestStream&) = delete;

    bool is_good() const { return is_good_; }

    /// The address of the other end, e.g. "127.0.0.1".
    std::string peer() const {
        sockaddr_in address{};
        socklen_t size = sizeof address;
        ::getpeername(fd_, reinterpret_cast<sockaddr*>(&address), &size);
        char text[INET_ADDRSTRLEN] = {};
        ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof text);
        return text;
    }

    /// Waits until there is something to read; false when the server is to stop first.
    bool wait() {
        while (!stopping_) {
            if (ssl_ != nullptr && SSL_pending(ssl_) > 0) return true;
            pollfd waiting{fd_, POLLIN, 0};
            if (::poll(&waiting, 1, kPollMs) > 0) return true;
        }
        return false;
    }

    /// Bytes read; 0 at the end, however it came.
    std::size_t read(char* into, std::size_t room) {
        const auto got = ssl_ != nullptr ? SSL_read(ssl_, into, static_cast<int>(room))
                                         : ::recv(fd_, into, room, 0);
        return got > 0 ? static_cast<std::size_t>(got) : 0;
    }

    bool write(const std::string& bytes) {
        std::size_t put = 0;
        while (put < bytes.size()) {
            const auto n =
                ssl_ != nullptr
                    ? SSL_write(ssl_, bytes.data() + put, static_cast<int>(bytes.size() - put))
                    : ::send(fd_, bytes.data() + put, bytes.size() - put, MSG_NOSIGNAL);
            if (n <= 0) return false;
            put += static_cast<std::size_t>(n);
        }
        return true;
    }

    /// Waits so long for the other end to go; what it may say instead stays unread. Plain only.
    bool has_gone(int wait_ms) {
        pollfd waiting{fd_, POLLIN, 0};
        if (::poll(&waiting, 1, wait_ms) <= 0) return false;
        char byte = 0;
        return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
    }

    /// Says farewell, as TLS wants it.
    void end() {
        if (ssl_ != nullptr) SSL_shutdown(ssl_);
    }
    /// The connection will be closed with RST.
    void reset_at_close() {
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }

  private:
    static constexpr int kPollMs = 20;

    int fd_;
    SSL* ssl_ = nullptr;
    bool is_good_ = true;
    const std::atomic<bool>& stopping_;
};

}  // namespace claimstorm::test
