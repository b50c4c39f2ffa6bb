#include "storm/byte_stream.h"

#include <cerrno>
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
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return fail(error);
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof peer;
    if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
        return errno == ENOTCONN ? Progress::waits : fail(errno);
    }
    want(EPOLLIN);
    return Progress::done;
}

ByteStream::Result ByteStream::read(char* into, std::size_t room) {
    const ssize_t got = ::recv(fd_, into, room, 0);
    if (got > 0) return {Progress::done, static_cast<std::size_t>(got)};
    if (got == 0) return {Progress::closed};
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {Progress::waits};
    return {fail(errno)};
}

ByteStream::Result ByteStream::write(const char* from, std::size_t size) {
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

bool ByteStream::has_something_to_read() const noexcept {
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

void ByteStream::close() noexcept {
    if (fd_ < 0) return;
    loop_.forget(fd_);
    ::close(fd_);
    fd_ = -1;
}

}  // namespace claimstorm
