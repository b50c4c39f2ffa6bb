#include "storm/hgrm.h"

#include <cmath>

#include <fmt/format.h>

namespace claimstorm {
namespace {

constexpr int kTicksPerHalving = 5;

double to_ms(double nanos) {
    return nanos / 1e6;
}

/// The next share to tell: a fifth of the way to the next halving.
double next_share(double share) {
    const double halvings = std::floor(std::log2(1 / (1 - share))) + 1;
    return share + 1 / (kTicksPerHalving * std::exp2(halvings));
}

}  // namespace

std::string hgrm_text(const Histogram& histogram) {
    std::string text = fmt::format("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                   "TotalCount", "1/(1-Percentile)");
    const std::uint64_t total = histogram.count();
    for (double share = 0; total > 0; share = next_share(share)) {
        const std::int64_t value = histogram.quantile_ns(share);
        const std::uint64_t up_to = histogram.count_up_to(value);
        if (up_to == total) break;
        text += fmt::format("{:12.3f} {:14.12f} {:10} {:14.2f}\n",
                            to_ms(static_cast<double>(value)), share, up_to, 1 / (1 - share));
    }
    const auto max = static_cast<double>(histogram.max_ns());
    if (total > 0) text += fmt::format("{:12.3f} {:14.12f} {:10}\n", to_ms(max), 1.0, total);
    text += fmt::format("#[Mean    = {:12.3f}, StdDeviation   = {:12.3f}]\n",
                        to_ms(histogram.mean_ns()), to_ms(histogram.deviation_ns()));
    text += fmt::format("#[Max     = {:12.3f}, Total count    = {:12}]\n", to_ms(max), total);
    text += fmt::format("#[Buckets = {:12}, SubBuckets     = {:12}]\n", Histogram::kPowers,
                        2 * Histogram::kStepsPerPower);
    return text;
}

}  // namespace claimstorm
