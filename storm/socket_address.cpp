#include "storm/socket_address.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

SocketAddress copy_of(const addrinfo& found) {
    SocketAddress address;
    std::memcpy(&address.bytes, found.ai_addr, found.ai_addrlen);
    address.size = found.ai_addrlen;
    return address;
}

/// Whether somebody listens there, answered within a second.
bool accepts(const SocketAddress& address) {
    constexpr int kWaitMs = 1000;
    const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    bool accepted = ::connect(fd, address.get(), address.size) == 0;
    if (!accepted && errno == EINPROGRESS) {
        pollfd waiting{fd, POLLOUT, 0};
        int error = 0;
        socklen_t size = sizeof error;
        accepted = ::poll(&waiting, 1, kWaitMs) == 1 &&
                   ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    ::close(fd);
    return accepted;
}

}  // namespace

SocketAddress resolve_target(const HttpAddress& address, const std::string& base_url) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string port = std::to_string(address.port);
    if (const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list)) {
        throw EnvironmentError(fmt::format("target {}: the host '{}' cannot be resolved: {}",
                                           base_url, address.host, ::gai_strerror(error)));
    }
    const Found found(list, &::freeaddrinfo);
    SocketAddress first = copy_of(*found);
    // "localhost" is ::1 and 127.0.0.1, and the service may listen on one of them only.
    if (found->ai_next != nullptr) {
        for (const addrinfo* next = found.get(); next != nullptr; next = next->ai_next) {
            SocketAddress candidate = copy_of(*next);
            if (accepts(candidate)) return candidate;
        }
    }
    return first;
}

SocketAddress unix_socket_address(const std::string& path) {
    sockaddr_un text{};
    if (path.empty() || path.size() >= sizeof text.sun_path) {
        throw UsageError(fmt::format("'{}' is no path of a Unix socket: 1 to {} bytes", path,
                                     sizeof text.sun_path - 1));
    }
    text.sun_family = AF_UNIX;
    path.copy(text.sun_path, path.size());
    SocketAddress address;
    std::memcpy(&address.bytes, &text, sizeof text);
    address.size = sizeof text;
    return address;
}

SocketAddress source_address(const std::string& text) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* list = nullptr;
    if (::getaddrinfo(text.c_str(), nullptr, &hints, &list) != 0) {
        throw UsageError(fmt::format("'{}' is not an IP address, such as 127.0.0.2", text));
    }
    const Found found(list, &::freeaddrinfo);
    return copy_of(*found);
}

void require_usable_source(const SocketAddress& source, const std::string& text,
                           const SocketAddress& target) {
    if (target.family() == AF_UNIX) {
        throw UsageError(
            "source_addresses: a Unix socket is reached from no address; leave them out");
    }
    if (target.size != 0 && source.family() != target.family()) {
        throw UsageError(
            fmt::format("source_addresses: '{}' is of another family than the address "
                        "of the service: IPv4 and IPv6 do not mix",
                        text));
    }
    const int fd = ::socket(source.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = fd >= 0 && ::bind(fd, source.get(), source.size) == 0;
    const int error = errno;
    if (fd >= 0) ::close(fd);
    if (bound) return;
    throw UsageError(
        fmt::format("source_addresses: nothing can be sent from '{}': {}; 'ip address' "
                    "lists those of this machine",
                    text, std::strerror(error)));
}

}  // namespace claimstorm
