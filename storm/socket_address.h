#pragma once

#include <string>
#include <sys/socket.h>

#include "storm/address.h"

namespace claimstorm {

/// An address that sockets understand: IPv4, IPv6 or a Unix socket's path.
struct SocketAddress {
    sockaddr_storage bytes{};
    socklen_t size = 0;

    int family() const noexcept { return bytes.ss_family; }
    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&bytes); }
};

/// The address of the service. A name with several is tried, and the first that takes connections
/// is chosen, or, if none does, the first. Throws EnvironmentError, naming `base_url`, when the
/// host cannot be resolved.
SocketAddress resolve_target(const HttpAddress& address, const std::string& base_url);

/// Throws UsageError for a path that is empty or longer than Unix sockets have (107 bytes).
SocketAddress unix_socket_address(const std::string& path);

/// An IP address as text, any port: what a connection is bound to. Throws UsageError.
SocketAddress source_address(const std::string& text);

/// Throws UsageError when nothing can be sent from `source`, written as `text`, to `target` (empty:
/// whatever it is): it is not an address of this machine, or of another family.
void require_usable_source(const SocketAddress& source, const std::string& text,
                           const SocketAddress& target);

}  // namespace claimstorm
