#include "storm/arrivals.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr double kSecondsMax = 10.0 * 366 * 24 * 3600;

double seconds_of(const Stage& stage) {
    return static_cast<double>(stage.span.count()) / 1e9;
}

/// Arrivals within a stage that the rate enters with `from`.
double area_of(const Stage& stage, double from) {
    return (from + stage.per_second) / 2 * seconds_of(stage);
}

/// After how many seconds of the stage `wanted` arrivals have come: the root of
/// from·t + (to − from)/(2·span)·t² = wanted, in the form that loses no digits for any slope.
double time_of(const Stage& stage, double from, double wanted) {
    if (wanted <= 0 && from > 0) return 0;
    const double slope = (stage.per_second - from) / seconds_of(stage);
    const double root = std::sqrt(std::max(0.0, from * from + 2 * slope * wanted));
    const double divisor = from + root;
    return divisor > 0 ? 2 * wanted / divisor : 0;
}

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw UsageError(fmt::format(
        "stages '{}': {}; write them as 30s@50,1m@200: how long, and the rate at the end of it",
        text, why));
}

Stage parse_stage(std::string_view text, std::string_view part) {
    const std::size_t at = part.find('@');
    if (at == std::string_view::npos) refuse(text, fmt::format("'{}' has no '@'", part));
    const auto span = parse_duration(part.substr(0, at));
    if (!span) refuse(text, fmt::format("'{}' is not a duration", part.substr(0, at)));
    std::string rate(part.substr(at + 1));
    if (rate == "0" || rate == "0/s") return {*span, 0};
    if (rate.find('/') == std::string::npos) rate += "/s";
    const auto per_second = parse_rate(rate);
    if (!per_second) refuse(text, fmt::format("'{}' is not a rate", part.substr(at + 1)));
    return {*span, *per_second};
}

}  // namespace

Stages parse_stages(std::string_view text) {
    Stages stages;
    for (std::string_view rest = text;;) {
        const std::size_t comma = rest.find(',');
        stages.stages.push_back(parse_stage(text, rest.substr(0, comma)));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    double seconds = 0;
    for (const Stage& stage : stages.stages) seconds += seconds_of(stage);
    if (seconds > kSecondsMax) refuse(text, "they last longer than ten years");
    if (span_of(stages) == 0) refuse(text, "they last no time at all");
    return stages;
}

std::string stages_text(const Stages& stages) {
    std::string text;
    for (const Stage& stage : stages.stages) {
        std::string rate = format_rate(stage.per_second);
        rate.resize(rate.find('/'));
        text += fmt::format("{}{}@{}", text.empty() ? "" : ",", format_duration(stage.span), rate);
    }
    return text;
}

std::uint64_t arrivals_in(const Stages& stages) {
    double total = 0;
    double rate = 0;
    for (const Stage& stage : stages.stages) {
        total += area_of(stage, rate);
        rate = stage.per_second;
    }
    // A sum of whole areas must not lose its last arrival to rounding. No storm has more than this.
    constexpr double kArrivalsMax = 1e18;
    return static_cast<std::uint64_t>(std::floor(std::min(total, kArrivalsMax) + 1e-6));
}

TimeNs arrival_of(const Stages& stages, std::uint64_t position) {
    auto left = static_cast<double>(position);
    double rate = 0;
    double before = 0;
    for (const Stage& stage : stages.stages) {
        const double area = area_of(stage, rate);
        if (left < area) {
            const double seconds = before + time_of(stage, rate, left);
            return std::min<TimeNs>(std::llround(seconds * 1e9), span_of(stages));
        }
        left -= area;
        before += seconds_of(stage);
        rate = stage.per_second;
    }
    return span_of(stages);
}

TimeNs span_of(const Stages& stages) {
    TimeNs span = 0;
    for (const Stage& stage : stages.stages) span += stage.span.count();
    return span;
}

}  // namespace claimstorm
