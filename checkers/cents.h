#pragma once

#include <cstdint>
#include <limits>
#include <string>

namespace claimstorm {

/// A sum of money that stops at the ends of 64 bits instead of running over them: amounts come from
/// outside and may be anything.
class CentsSum {
  public:
    void add(std::int64_t cents) noexcept {
        if (!__builtin_add_overflow(sum_, cents, &sum_)) return;
        sum_ = cents < 0 ? std::numeric_limits<std::int64_t>::min()
                         : std::numeric_limits<std::int64_t>::max();
    }
    std::int64_t value() const noexcept { return sum_; }

  private:
    std::int64_t sum_ = 0;
};

/// `left - right`, stopping at the ends of 64 bits.
inline std::int64_t difference_in_cents(std::int64_t left, std::int64_t right) noexcept {
    std::int64_t difference = 0;
    if (!__builtin_sub_overflow(left, right, &difference)) return difference;
    return right < 0 ? std::numeric_limits<std::int64_t>::max()
                     : std::numeric_limits<std::int64_t>::min();
}

}  // namespace claimstorm
