// What every measurement does with a sample.
#include <fmt/format.h>

#include "bench/storm_measurements.h"

namespace claimstorm::bench {

void add_sample(Row& row, const LoadRun& load, std::optional<double> value) {
    if (load.why_not) {
        row.note = *load.why_not;
    } else if (!value) {
        row.note = "too few arrivals";
    } else {
        row.samples.push_back(*value);
        if (load.failed > 0) row.note = fmt::format("{} attempts failed", load.failed);
    }
}

void tell(const std::string& measurement, int round, const Row& row) {
    fmt::print(stderr, "{} round {} {}, {}: {} {}\n", measurement, round + 1, row.condition,
               row.who, row.samples.empty() ? "-" : fmt::format("{:.3f}", row.samples.back()),
               row.note);
}

}  // namespace claimstorm::bench
