#pragma once

#include <array>
#include <cstdint>

namespace claimstorm {

/// A fixed-size log-linear histogram of nanoseconds (after HdrHistogram): 1,024 linear steps for
/// each power of two, so that every value is kept to 3 significant digits (an error below 0.1%).
/// Values below 0 count as 0, values above 2^42 ns (73 minutes) as that.
class Histogram {
  public:
    void record(std::int64_t value_ns) noexcept;
    void merge(const Histogram& other) noexcept;

    std::uint64_t count() const noexcept { return count_; }
    std::int64_t max_ns() const noexcept { return max_; }
    /// The smallest recorded step at or below which `fraction` of the values lie; never above
    /// `max_ns()`. 0 when empty. Precondition: 0 <= fraction <= 1.
    std::int64_t quantile_ns(double fraction) const noexcept;
    /// How many values lie in the steps up to the one that holds `value_ns`.
    std::uint64_t count_up_to(std::int64_t value_ns) const noexcept;
    /// From the middles of the steps; 0 when empty.
    double mean_ns() const noexcept;
    double deviation_ns() const noexcept;

    static constexpr unsigned kStepsPerPower = 1024;
    static constexpr unsigned kPowers = 33;

  private:
    static constexpr unsigned kStepBits = 10;
    static constexpr unsigned kValueBits = 42;
    static constexpr std::size_t kBuckets = (kValueBits - kStepBits + 1) << kStepBits;

    static std::size_t bucket_of(std::uint64_t value) noexcept;
    static std::int64_t highest_in(std::size_t bucket) noexcept;
    static double middle_of(std::size_t bucket) noexcept;

    std::array<std::uint64_t, kBuckets> counts_{};
    std::uint64_t count_ = 0;
    std::int64_t max_ = 0;
};

}  // namespace claimstorm
