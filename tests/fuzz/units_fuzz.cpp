// Durations, counts, rates, amounts and stages: what is taken is what was written, and what is
// written of it is taken again.
#include <algorithm>
#include <cmath>
#include <string>

#include "model/error.h"
#include "model/units.h"
#include "storm/arrivals.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;

namespace {

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= 18 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

void check_scalars(std::string_view line) {
    if (const auto duration = parse_duration(line)) {
        fuzz::claim(duration->count() >= 0, "a duration is not negative");
        fuzz::claim(parse_duration(format_duration(*duration)) == duration,
                    "a duration that was written reads back");
    }
    const auto count = parse_count(line);
    if (count) fuzz::claim(*count >= 0, "a count is not negative");
    if (is_digits(line)) {
        fuzz::claim(count == std::stoll(std::string(line)), "a count of digits is exact");
        fuzz::claim(
            parse_duration(std::string(line) + "ns") == std::chrono::nanoseconds(count.value()),
            "nanoseconds of digits are exact");
    }
    if (const auto rate = parse_rate(line)) {
        fuzz::claim(std::isfinite(*rate) && *rate > 0, "a rate is a number above 0");
        fuzz::claim(parse_rate(format_rate(*rate)) == rate, "a rate that was written reads back");
    }
    if (const auto cents = parse_cents(line)) {
        fuzz::claim(line.find_first_not_of("-.0123456789") == std::string_view::npos,
                    "an amount is made of digits");
    }
}

void check_stages(std::string_view line) {
    Stages stages;
    try {
        stages = parse_stages(line);
    } catch (const UsageError& error) {
        fuzz::claim(fuzz::is_one_line(error.what()), "an error is one line");
        return;
    }
    const std::string text = stages_text(stages);
    fuzz::claim(stages_text(parse_stages(text)) == text, "stages that were written read back");
    const TimeNs span = span_of(stages);
    fuzz::claim(span > 0, "stages last some time");
    const std::uint64_t come = arrivals_in(stages);
    TimeNs before = 0;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(come, 64); ++i) {
        // Arrivals from all over the stages, in order.
        const TimeNs now = arrival_of(stages, come / 64 * i + std::min(i, come % 64));
        fuzz::claim(now >= before && now <= span, "arrivals come in order, within the stages");
        before = now;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = fuzz::text_of(data, size);
    for (int lines = 0; lines < 16 && !text.empty(); ++lines) {
        const std::string_view line = fuzz::take_line(text);
        check_scalars(line);
        check_stages(line);
    }
    return 0;
}
