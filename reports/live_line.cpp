#include "reports/live_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/units.h"

namespace claimstorm {

std::string live_line(const LiveState& state) {
    const auto number = [](std::uint64_t count) {
        return with_commas(static_cast<std::int64_t>(count));
    };
    std::string line;
    if (state.planned > 0 || !state.sample) {
        line = fmt::format("{} of {} attempts", number(state.ended), number(state.planned));
    }
    if (!state.sample) return line;
    const StoreSample& sample = *state.sample;
    line += fmt::format("{}{} granted", line.empty() ? "" : " · ", number(state.granted));
    const auto add = [&line](const Reading<std::int64_t>& reading, const char* shape) {
        if (!reading.is_named()) return;
        const std::string value = reading.is_read() ? with_commas(*reading) : std::string("?");
        line += fmt::format(fmt::runtime(shape), value);
    };
    add(sample.rows, " · {} rows");
    // The later reading, where there are two.
    add(sample.backlog_after.is_named() ? sample.backlog_after : sample.backlog_before,
        " · {} queued");
    add(sample.cache_remaining, " · cache {}");
    constexpr double kNsPerSecond = 1e9;
    line += fmt::format(" · {:.1f} s",
                        std::max(0.0, static_cast<double>(sample.ended_ns) / kNsPerSecond));
    return line;
}

}  // namespace claimstorm
