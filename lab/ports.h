#pragma once

#include <cstdint>
#include <filesystem>

#include "lab/posix.h"

namespace claimstorm {

/// TCP ports, both ends included.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
};

/// Where a lab's servers may listen when the kernel hands out `ephemeral` to outgoing connections:
/// outside of it, or a storm's own client sockets would take the servers' ports.
PortRange lab_ports(PortRange ephemeral) noexcept;

/// A TCP port on 127.0.0.1 that no other lab of this user takes while the lease lives, and that
/// nobody listened on when it was taken.
class PortLease {
  public:
    /// Leases go by byte locks on one file in `labs_root`, which die with this process.
    /// Throws EnvironmentError when no port is free.
    static PortLease take(const std::filesystem::path& labs_root);

    std::uint16_t port() const noexcept { return port_; }

  private:
    PortLease(std::uint16_t port, UniqueFd lock) : port_(port), lock_(std::move(lock)) {}

    std::uint16_t port_;
    UniqueFd lock_;
};

}  // namespace claimstorm
