#pragma once

#include "model/history.h"

namespace claimstorm {

/// A time or the length of a time in milliseconds, for people.
inline double in_ms(TimeNs time) noexcept {
    constexpr double kNsPerMs = 1e6;
    return static_cast<double>(time) / kNsPerMs;
}

}  // namespace claimstorm
