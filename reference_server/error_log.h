#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

namespace claimstorm::reference {

/// Errors on stderr, one line each, at most 20 a second: a store that is down fails every claim,
/// and the log must not become the bottleneck. What was left out is counted and told.
class ErrorLog {
  public:
    /// From any thread.
    void write(std::string_view line);

  private:
    std::mutex mutex_;
    std::chrono::steady_clock::time_point second_began_;
    std::uint64_t lines_this_second_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace claimstorm::reference
