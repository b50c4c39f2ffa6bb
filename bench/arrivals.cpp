#include "bench/arrivals.h"

#include <algorithm>
#include <cmath>

namespace claimstorm::bench {

double quantile(std::vector<double> values, double quantile) {
    if (values.empty()) return 0;
    const auto rank =
        static_cast<std::size_t>(std::llround(quantile * static_cast<double>(values.size() - 1)));
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

std::optional<double> spread_ms(std::vector<StampNs> arrivals, std::size_t skipped,
                                std::size_t count) {
    if (count == 0 || arrivals.size() < skipped + count) return std::nullopt;
    std::sort(arrivals.begin(), arrivals.end());
    return static_cast<double>(arrivals[skipped + count - 1] - arrivals[skipped]) / 1e6;
}

std::optional<double> grid_lag_us_p99(std::vector<StampNs> arrivals, double per_second) {
    constexpr std::size_t kFewest = 100;
    if (arrivals.size() < kFewest) return std::nullopt;
    std::sort(arrivals.begin(), arrivals.end());
    const double step_us = 1e6 / per_second;
    std::vector<double> behind_us;
    behind_us.reserve(arrivals.size());
    for (std::size_t k = 0; k < arrivals.size(); ++k) {
        const auto since_first_us = static_cast<double>(arrivals[k] - arrivals[0]) / 1e3;
        behind_us.push_back(since_first_us - static_cast<double>(k) * step_us);
    }
    const double on_time_us = quantile(behind_us, 0.01);
    return quantile(behind_us, 0.99) - on_time_us;
}

}  // namespace claimstorm::bench
