#include "stores/pulse.h"

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// A counter that is not there (a cache key that is not set) reads as no number.
std::string text_of(const Reading<std::int64_t>& reading) {
    return reading.is_read() ? std::to_string(*reading) : std::string("nothing");
}

}  // namespace

std::string Pulse::unreadable() const {
    for (const auto& [name, reading] : counters) {
        if (reading.is_named() && !reading.is_read() && !reading.is_absent()) return reading.why();
    }
    return {};
}

std::string Pulse::difference(const Pulse& later) const {
    if (counters.size() != later.counters.size()) return "what can be read of them changed";
    for (std::size_t i = 0; i < counters.size(); ++i) {
        const std::string before = text_of(counters[i].second);
        const std::string after = text_of(later.counters[i].second);
        if (before == after) continue;
        return fmt::format("{} went from {} to {}", counters[i].first, before, after);
    }
    return {};
}

}  // namespace claimstorm
