#include "reference_server/error_log.h"

#include <cstdio>

#include <fmt/format.h>

namespace claimstorm::reference {

void ErrorLog::write(std::string_view line) {
    constexpr std::uint64_t kLinesPerSecond = 20;
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
        if (left_out_ > 0) {
            fmt::print(stderr, "claimstorm-server: {} more errors not shown\n", left_out_);
        }
        second_began_ = now;
        lines_this_second_ = 0;
        left_out_ = 0;
    }
    if (++lines_this_second_ > kLinesPerSecond) {
        ++left_out_;
        return;
    }
    fmt::print(stderr, "claimstorm-server: {}\n", line);
}

}  // namespace claimstorm::reference
