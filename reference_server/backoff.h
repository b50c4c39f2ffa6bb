#pragma once

#include <algorithm>
#include <chrono>
#include <random>

namespace claimstorm::reference {

/// Waiting times that double from `first` up to `longest`, each drawn from half to one and a half
/// times its value, so that those who collided do not collide again. Bounding the number of waits
/// is the caller's part.
class Backoff {
  public:
    Backoff(std::mt19937_64& random, std::chrono::microseconds first,
            std::chrono::microseconds longest)
        : random_(random), next_(first), longest_(longest) {}

    std::chrono::microseconds next() {
        std::uniform_int_distribution<std::int64_t> around(next_.count() / 2,
                                                           next_.count() + next_.count() / 2);
        next_ = std::min(2 * next_, longest_);
        return std::chrono::microseconds(around(random_));
    }

  private:
    std::mt19937_64& random_;
    std::chrono::microseconds next_;
    std::chrono::microseconds longest_;
};

}  // namespace claimstorm::reference
