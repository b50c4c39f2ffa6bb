#include "bench/bare_release.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <fmt/format.h>

#include "lab/posix.h"
#include "model/error.h"

namespace claimstorm::bench {
namespace {

UniqueFd connect_to(std::uint16_t port) {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        throw EnvironmentError(
            fmt::format("cannot connect to 127.0.0.1:{}: {}", port, errno_text(errno)));
    }
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return socket;
}

}  // namespace

void bare_release(std::uint16_t port, int connections) {
    std::vector<UniqueFd> sockets;
    sockets.reserve(static_cast<std::size_t>(connections));
    for (int i = 0; i < connections; ++i) sockets.push_back(connect_to(port));
    constexpr std::string_view kClaim =
        "POST /claims HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 13\r\n\r\n{\"user\":\"u1\"}";
    for (const UniqueFd& socket : sockets) {
        if (::send(socket.get(), kClaim.data(), kClaim.size(), MSG_NOSIGNAL) < 0) {
            throw EnvironmentError("cannot send: " + errno_text(errno));
        }
    }
    std::array<char, 1024> answer{};
    for (const UniqueFd& socket : sockets) {
        if (!wait_readable(socket.get(), std::chrono::seconds(5))) {
            throw EnvironmentError("the receiver does not answer the bare loop");
        }
        if (::recv(socket.get(), answer.data(), answer.size(), 0) <= 0) break;
    }
}

}  // namespace claimstorm::bench
