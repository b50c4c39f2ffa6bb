#include "storm/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace claimstorm {

// Values below 2^10 have a bucket each. Above, the value's top 11 bits name the bucket: the leading
// one says which power of two (one group of 1,024 buckets each), the ten behind it which step.
std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
    if (value < (1U << kStepBits)) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kStepBits - 1;
    return (static_cast<std::size_t>(shift) << kStepBits) + (value >> shift);
}

std::int64_t Histogram::highest_in(std::size_t bucket) noexcept {
    if (bucket < (2U << kStepBits)) return static_cast<std::int64_t>(bucket);
    const std::size_t shift = (bucket >> kStepBits) - 1;
    const std::size_t top = bucket - (shift << kStepBits);
    return static_cast<std::int64_t>(((top + 1) << shift) - 1);
}

void Histogram::record(std::int64_t value_ns) noexcept {
    constexpr std::int64_t kHighest = (std::int64_t{1} << kValueBits) - 1;
    const std::int64_t value = std::clamp<std::int64_t>(value_ns, 0, kHighest);
    ++counts_[bucket_of(static_cast<std::uint64_t>(value))];
    ++count_;
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
}

double Histogram::middle_of(std::size_t bucket) noexcept {
    const auto highest = static_cast<double>(highest_in(bucket));
    const double lowest = bucket == 0 ? 0 : static_cast<double>(highest_in(bucket - 1)) + 1;
    return (lowest + highest) / 2;
}

std::uint64_t Histogram::count_up_to(std::int64_t value_ns) const noexcept {
    constexpr std::int64_t kHighest = (std::int64_t{1} << kValueBits) - 1;
    const std::size_t last =
        bucket_of(static_cast<std::uint64_t>(std::clamp<std::int64_t>(value_ns, 0, kHighest)));
    return std::accumulate(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(last) + 1,
                           std::uint64_t{0});
}

double Histogram::mean_ns() const noexcept {
    if (count_ == 0) return 0;
    double sum = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        sum += middle_of(bucket) * static_cast<double>(counts_[bucket]);
    }
    return sum / static_cast<double>(count_);
}

double Histogram::deviation_ns() const noexcept {
    if (count_ == 0) return 0;
    const double mean = mean_ns();
    double sum = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        const double away = middle_of(bucket) - mean;
        sum += away * away * static_cast<double>(counts_[bucket]);
    }
    return std::sqrt(sum / static_cast<double>(count_));
}

std::int64_t Histogram::quantile_ns(double fraction) const noexcept {
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(fraction * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
        seen += counts_[bucket];
        if (seen >= wanted) return std::min(highest_in(bucket), max_);
    }
    return max_;
}

}  // namespace claimstorm
