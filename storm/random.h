#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace claimstorm {

/// xoshiro256** (Blackman, Vigna 2018) seeded by splitmix64. Ours rather than <random>'s, whose
/// distributions differ between standard libraries: the same seed must give the same plan
/// everywhere, byte for byte.
class Random {
  public:
    /// Streams of one seed are independent: each user of a seed takes a stream of its own.
    explicit Random(std::uint64_t seed, std::uint64_t stream = 0) noexcept {
        std::uint64_t state = seed ^ (stream * 0xD1342543DE82EF95ULL);
        for (std::uint64_t& word : state_) word = splitmix(state);
    }

    std::uint64_t next() noexcept {
        const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
        const std::uint64_t shifted = state_[1] << 17;
        state_[2] ^= state_[0];
        state_[3] ^= state_[1];
        state_[1] ^= state_[2];
        state_[0] ^= state_[3];
        state_[2] ^= shifted;
        state_[3] = rotate_left(state_[3], 45);
        return result;
    }

    /// Uniform in [0, limit). Precondition: limit > 0. Without bias: the uneven rest is redrawn.
    std::uint64_t below(std::uint64_t limit) noexcept {
        const std::uint64_t uneven = (0 - limit) % limit;
        for (;;) {
            const std::uint64_t drawn = next();
            if (drawn >= uneven) return drawn % limit;
        }
    }

    /// Uniform in [0, 1).
    double uniform() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

    /// Fisher-Yates.
    template <typename T>
    void shuffle(std::vector<T>& items) noexcept {
        for (std::size_t left = items.size(); left > 1; --left) {
            std::swap(items[left - 1], items[below(left)]);
        }
    }

  private:
    static std::uint64_t rotate_left(std::uint64_t x, int by) noexcept {
        return (x << by) | (x >> (64 - by));
    }
    static std::uint64_t splitmix(std::uint64_t& state) noexcept {
        std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

    std::array<std::uint64_t, 4> state_{};
};

}  // namespace claimstorm
