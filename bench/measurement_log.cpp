// What every measurement does with a sample.
#include <fmt/format.h>

#include "bench/storm_measurements.h"

namespace claimstorm::bench {

void add_sample(Row& row, const LoadRun& load, std::optional<double> value) {
    const std::string failed =
        load.failed > 0 ? fmt::format("{} attempts failed", load.failed) : std::string();
    if (load.why_not) {
        row.note = *load.why_not;
    } else if (!value) {
        row.note = failed.empty() ? "too few arrived" : "too few arrived; " + failed;
    } else {
        row.samples.push_back(*value);
        if (!failed.empty()) row.note = failed;
    }
}

void tell(const std::string& measurement, int round, const Row& row) {
    fmt::print(stderr, "{} round {} {}, {}: {} {}\n", measurement, round + 1, row.condition,
               row.who, row.samples.empty() ? "-" : fmt::format("{:.3f}", row.samples.back()),
               row.note);
}

}  // namespace claimstorm::bench
