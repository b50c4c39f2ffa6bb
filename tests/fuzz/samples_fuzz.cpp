// samples.ndjson: any bytes give samples in the order of time, none of them with a count below zero
// (but for the cache, which may run there), or a UsageError of one line.
#include <sstream>
#include <string>

#include "model/error.h"
#include "scenarios/samples_file.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

namespace {

void check_counts(const StoreSample& sample) {
    for (const auto* count : {&sample.backlog_before, &sample.rows, &sample.backlog_after}) {
        fuzz::claim(!count->is_read() || **count >= 0, "a count is not below zero");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::istringstream lines{std::string(fuzz::text_of(data, size))};
    try {
        const WatchedSamples watched = read_samples(lines, "samples.ndjson");
        const StoreSample* last = nullptr;
        for (const StoreSample& sample : watched.samples) {
            fuzz::claim(sample.begun_ns <= sample.ended_ns, "a sample ends after it begins");
            fuzz::claim(last == nullptr || last->ended_ns <= sample.begun_ns,
                        "samples are in the order of time");
            check_counts(sample);
            last = &sample;
        }
        fuzz::claim(watched.cut.empty() || fuzz::is_one_line(watched.cut), "a remark is one line");
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
    }
    return 0;
}
