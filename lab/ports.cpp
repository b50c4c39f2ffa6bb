#include "lab/ports.h"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <random>
#include <sstream>
#include <sys/socket.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr int kTries = 500;
constexpr std::uint16_t kFirst = 10000;  // below live the services people know by number
constexpr int kEnough = 1000;
constexpr PortRange kUsualEphemeral{32768, 60999};

PortRange ephemeral_ports() {
    std::istringstream text(read_file_or_empty("/proc/sys/net/ipv4/ip_local_port_range"));
    PortRange range;
    if (text >> range.first >> range.last && range.first <= range.last) return range;
    return kUsualEphemeral;
}

/// True when a server could listen there now.
bool is_free(std::uint16_t port) {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!probe) return false;
    // As the servers do: connections of an earlier lab in TIME_WAIT are no obstacle.
    const int yes = 1;
    ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    return ::bind(probe.get(), generic, sizeof address) == 0;
}

}  // namespace

PortRange lab_ports(PortRange ephemeral) noexcept {
    constexpr std::uint16_t kLast = 65535;
    if (ephemeral.first >= kFirst + kEnough) {
        return {kFirst, static_cast<std::uint16_t>(ephemeral.first - 1)};
    }
    if (ephemeral.last <= kLast - kEnough) {
        const int above = ephemeral.last + 1;
        return {static_cast<std::uint16_t>(above > kFirst ? above : kFirst), kLast};
    }
    // The kernel was given nearly everything: a collision is possible, and retried.
    return {kFirst, kUsualEphemeral.first - 1};
}

PortLease PortLease::take(const std::filesystem::path& labs_root) {
    const std::filesystem::path file = labs_root / ".labs-ports";
    UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) {
        throw EnvironmentError(fmt::format("cannot open {}: {}", file.string(), errno_text(errno)));
    }
    const PortRange range = lab_ports(ephemeral_ports());
    std::random_device random;
    std::uniform_int_distribution<int> any(range.first, range.last);
    for (int attempt = 0; attempt < kTries; ++attempt) {
        const auto port = static_cast<std::uint16_t>(any(random));
        // One byte of the file stands for one port; the lock goes with the descriptor.
        struct flock byte {};
        byte.l_type = F_WRLCK;
        byte.l_whence = SEEK_SET;
        byte.l_start = port;
        byte.l_len = 1;
        if (::fcntl(lock.get(), F_OFD_SETLK, &byte) != 0) continue;
        if (is_free(port)) return {port, std::move(lock)};
        byte.l_type = F_UNLCK;
        ::fcntl(lock.get(), F_OFD_SETLK, &byte);
    }
    throw EnvironmentError(
        fmt::format("found no free TCP port on 127.0.0.1 between {} and {} in {} tries; end some "
                    "labs (claimstorm lab status)",
                    range.first, range.last, kTries));
}

}  // namespace claimstorm
