#pragma once

#include <cstdint>

namespace claimstorm::bench {

/// What a release cannot be faster than with one thread: opens `connections` to 127.0.0.1:`port`,
/// then calls send() on one after the other, each with a whole claim, and closes them once all are
/// answered. Throws EnvironmentError.
void bare_release(std::uint16_t port, int connections);

}  // namespace claimstorm::bench
