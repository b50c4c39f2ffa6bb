#include "storm/figures.h"

#include <algorithm>
#include <memory>

#include "storm/histogram.h"

namespace claimstorm {
namespace {

double to_ms(std::int64_t nanos) {
    return static_cast<double>(nanos) / 1e6;
}

LatencyMs latency_of(const Histogram& histogram) {
    return {to_ms(histogram.quantile_ns(0.5)), to_ms(histogram.quantile_ns(0.9)),
            to_ms(histogram.quantile_ns(0.99)), to_ms(histogram.quantile_ns(0.999)),
            to_ms(histogram.max_ns())};
}

/// A range of instants that grows with what it is shown.
struct Range {
    TimeNs first = kNever;
    TimeNs last = 0;
    void add(TimeNs instant) {
        first = std::min(first, instant);
        last = std::max(last, instant);
    }
    TimeNs width() const { return first == kNever ? 0 : last - first; }
};

}  // namespace

StormFigures storm_figures(const History& history) {
    StormFigures figures;
    // 270 KB each: too much for the stack of a thread.
    const auto latency = std::make_unique<Histogram>();
    const auto service = std::make_unique<Histogram>();
    const auto send_lag = std::make_unique<Histogram>();
    Range released;
    TimeNs last_done = 0;
    TimeNs first_sold_out = kNever;
    std::vector<bool> seen;
    for (const Attempt& attempt : history.attempts) {
        ++figures.attempts;
        ++figures.outcomes.at(static_cast<std::size_t>(attempt.outcome));
        if (attempt.transport_error != TransportError::none) {
            ++figures.transport_errors.at(static_cast<std::size_t>(attempt.transport_error));
        }
        if (attempt.user >= seen.size()) seen.resize(attempt.user + 1, false);
        if (!seen[attempt.user]) ++figures.users;
        seen[attempt.user] = true;
        if (attempt.waited) ++figures.waited;
        if (attempt.sent_ns == kNever) continue;
        if (!attempt.waited) send_lag->record(attempt.sent_ns - attempt.due_ns);
        if (!attempt.waited && attempt.due_ns == 0) released.add(attempt.sent_ns);
        if (attempt.done_ns == kNever) continue;
        latency->record(attempt.done_ns - attempt.due_ns);
        service->record(attempt.done_ns - attempt.sent_ns);
        last_done = std::max(last_done, attempt.done_ns);
        if (attempt.outcome == Outcome::sold_out) {
            first_sold_out = std::min(first_sold_out, attempt.done_ns);
        }
    }
    figures.latency_ms = latency_of(*latency);
    figures.service_ms = latency_of(*service);
    figures.send_lag_us_p99 = static_cast<double>(send_lag->quantile_ns(0.99)) / 1e3;
    figures.release_spread_ms = to_ms(released.width());
    figures.duration_ms = to_ms(last_done);
    if (last_done > 0) {
        figures.attempts_per_s =
            static_cast<double>(service->count()) / (static_cast<double>(last_done) / 1e9);
    }
    if (first_sold_out != kNever) figures.time_to_sold_out_ms = to_ms(first_sold_out);
    return figures;
}

}  // namespace claimstorm
