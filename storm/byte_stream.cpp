#include "storm/byte_stream.h"

#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace claimstorm {

ByteStream::Progress ByteStream::connect(const SocketAddress* source, ReadyListener& listener) {
    fd_ = ::socket(target_.to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return fail(errno);
    constexpr int kOn = 1;
    if (target_.to.family() != AF_UNIX) {
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof kOn);
    }
    if (source != nullptr) {
        // The port is chosen when it is known where to: one address then reaches one service over
        // its whole range of ports, and so does every other address.
        ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &kOn, sizeof kOn);
        if (::bind(fd_, source->get(), source->size) != 0) return fail(errno);
    }
    wanted_ = EPOLLIN | EPOLLOUT;
    loop_.watch(fd_, wanted_, listener);
    if (::connect(fd_, target_.to.get(), target_.to.size) == 0) return finish_connect();
    return errno == EINPROGRESS ? Progress::waits : fail(errno);
}

ByteStream::Progress ByteStream::finish_connect() {
    if (tls_ != nullptr) return finish_handshake();
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(error);
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
        return errno == ENOTCONN ? Progress::waits : fail(errno);
    }
    if (target_.tls != nullptr) {
        tls_ = std::make_unique<TlsSession>(*target_.tls, fd_);
        return finish_handshake();
    }
    want(EPOLLIN);
    loop_.count_connections(1);
    return Progress::done;
}

ByteStream::Progress ByteStream::finish_handshake() {
    switch (tls_->handshake()) {
        case TlsSession::Progress::done:
            want(EPOLLIN);
            loop_.count_connections(1);
            return Progress::done;
        case TlsSession::Progress::wants_to_read:
            want(EPOLLIN);
            return Progress::waits;
        case TlsSession::Progress::wants_to_write:
            want(EPOLLIN | EPOLLOUT);
            return Progress::waits;
        default:
            return fail_in_tls();
    }
}

ByteStream::Result ByteStream::read(char* into, std::size_t room) {
    if (tls_ != nullptr) return read_tls(into, room);
    const ssize_t got = ::recv(fd_, into, room, 0);
    if (got > 0) return {Progress::done, static_cast<std::size_t>(got)};
    if (got == 0) return {Progress::closed};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {Progress::waits};
    return {fail(errno)};
}

ByteStream::Result ByteStream::read_tls(char* into, std::size_t room) {
    const auto [progress, bytes] = tls_->read(into, room);
    if (read_wants_to_write_ && progress != TlsSession::Progress::wants_to_write) {
        read_wants_to_write_ = false;
        want(EPOLLIN);
    }
    switch (progress) {
        case TlsSession::Progress::done:
            return {Progress::done, bytes};
        case TlsSession::Progress::wants_to_read:
            return {Progress::waits};
        case TlsSession::Progress::wants_to_write:
            read_wants_to_write_ = true;
            want(EPOLLIN | EPOLLOUT);
            return {Progress::waits};
        case TlsSession::Progress::closed:
            return {Progress::closed};
        default:
            return {fail_in_tls()};
    }
}

ByteStream::Result ByteStream::write(const char* from, std::size_t size) {
    if (tls_ != nullptr) return write_tls(from, size);
    const ssize_t put = ::send(fd_, from, size, MSG_NOSIGNAL);
    if (put >= 0 && static_cast<std::size_t>(put) == size) {
        want(EPOLLIN);
        return {Progress::done, size};
    }
    if (put >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        want(EPOLLIN | EPOLLOUT);
        return {Progress::waits, put > 0 ? static_cast<std::size_t>(put) : 0};
    }
    return {fail(errno)};
}

ByteStream::Result ByteStream::write_tls(const char* from, std::size_t size) {
    std::size_t put = 0;
    while (put < size) {
        const auto [progress, bytes] = tls_->write(from + put, size - put);
        put += bytes;
        if (progress == TlsSession::Progress::failed || progress == TlsSession::Progress::closed) {
            return {fail_in_tls(), put};
        }
        if (progress != TlsSession::Progress::done) {
            want(EPOLLIN | EPOLLOUT);
            return {Progress::waits, put};
        }
    }
    want(EPOLLIN);
    return {Progress::done, put};
}

bool ByteStream::has_something_to_read() const noexcept {
    if (tls_ != nullptr) return tls_->has_something_to_read();
    char byte = 0;
    const ssize_t got = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void ByteStream::want(std::uint32_t events) {
    if (wanted_ == events) return;
    wanted_ = events;
    loop_.change(fd_, events);
}

ByteStream::Progress ByteStream::fail(int error) {
    error_ = error;
    return Progress::failed;
}

ByteStream::Progress ByteStream::fail_in_tls() {
    error_ = tls_->error();
    tls_reason_ = tls_->reason();
    was_cut_off_ = tls_->was_cut_off();
    return Progress::failed;
}

TransportError ByteStream::connect_error() const noexcept {
    if (tls_ != nullptr) return TransportError::tls_failed;
    if (error_ == ECONNREFUSED) return TransportError::connect_refused;
    if (error_ == ETIMEDOUT) return TransportError::connect_timeout;
    return TransportError::connect_failed;
}

TransportError ByteStream::break_error() const noexcept {
    const bool is_tls = tls_ != nullptr && error_ == 0 && !was_cut_off_;
    return is_tls ? TransportError::tls_failed : TransportError::reset;
}

std::string ByteStream::reason() const {
    return tls_ != nullptr ? tls_reason_ : std::strerror(error_);
}

void ByteStream::close() noexcept {
    if (fd_ < 0) return;
    tls_.reset();
    read_wants_to_write_ = false;
    loop_.forget(fd_);
    ::close(fd_);
    fd_ = -1;
}

}  // namespace claimstorm
