#include "storm/figures.h"

#include <algorithm>
#include <memory>

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

template <std::size_t N>
void add_all(std::array<std::int64_t, N>& to, const std::array<std::int64_t, N>& from) {
    for (std::size_t i = 0; i < N; ++i) to[i] += from[i];
}

}  // namespace

void StormRecorder::Range::add(TimeNs from, TimeNs to) {
    first = std::min(first, from);
    last = std::max(last, to);
}

void StormRecorder::add(const Attempt& attempt) {
    ++counts_.attempts;
    ++counts_.outcomes.at(static_cast<std::size_t>(attempt.outcome));
    if (attempt.transport_error != TransportError::none) {
        ++counts_.transport_errors.at(static_cast<std::size_t>(attempt.transport_error));
    }
    if (attempt.user >= seen_.size()) {
        seen_.resize(std::max<std::size_t>(attempt.user + std::size_t{1}, seen_.size() * 2));
    }
    seen_[attempt.user] = true;
    if (attempt.waited) ++counts_.waited;
    if (attempt.sent_ns == kNever) return;
    if (!attempt.waited) {
        send_lag_.record(attempt.sent_ns - attempt.due_ns);
        if (attempt.due_ns == 0) released_.add(attempt.sent_ns, attempt.sent_ns);
    }
    if (attempt.done_ns == kNever) return;
    latency_.record(attempt.done_ns - attempt.due_ns);
    service_.record(attempt.done_ns - attempt.sent_ns);
    last_done_ = std::max(last_done_, attempt.done_ns);
    if (attempt.outcome == Outcome::sold_out) {
        first_sold_out_ = std::min(first_sold_out_, attempt.done_ns);
    }
}

void StormRecorder::add_connections(std::int64_t opened) {
    counts_.connections_opened = counts_.connections_opened.value_or(0) + opened;
}

void StormRecorder::merge(const StormRecorder& other) {
    if (other.counts_.connections_opened) add_connections(*other.counts_.connections_opened);
    counts_.attempts += other.counts_.attempts;
    counts_.waited += other.counts_.waited;
    add_all(counts_.outcomes, other.counts_.outcomes);
    add_all(counts_.transport_errors, other.counts_.transport_errors);
    latency_.merge(other.latency_);
    service_.merge(other.service_);
    send_lag_.merge(other.send_lag_);
    if (other.released_.first != kNever) {
        released_.add(other.released_.first, other.released_.last);
    }
    last_done_ = std::max(last_done_, other.last_done_);
    first_sold_out_ = std::min(first_sold_out_, other.first_sold_out_);
    if (seen_.size() < other.seen_.size()) seen_.resize(other.seen_.size());
    for (std::size_t user = 0; user < other.seen_.size(); ++user) {
        if (other.seen_[user]) seen_[user] = true;
    }
}

StormFigures StormRecorder::figures() const {
    StormFigures figures = counts_;
    figures.users = std::count(seen_.begin(), seen_.end(), true);
    figures.latency_ms = latency_of(latency_);
    figures.service_ms = latency_of(service_);
    figures.send_lag_us_p99 = static_cast<double>(send_lag_.quantile_ns(0.99)) / 1e3;
    figures.release_spread_ms = to_ms(released_.width());
    figures.duration_ms = to_ms(last_done_);
    if (last_done_ > 0) {
        figures.attempts_per_s =
            static_cast<double>(service_.count()) / (static_cast<double>(last_done_) / 1e9);
    }
    if (first_sold_out_ != kNever) figures.time_to_sold_out_ms = to_ms(first_sold_out_);
    return figures;
}

StormFigures storm_figures(const History& history) {
    const auto recorder = std::make_unique<StormRecorder>();  // too much for a thread's stack
    for (const Attempt& attempt : history.attempts) recorder->add(attempt);
    if (history.connections_opened >= 0) recorder->add_connections(history.connections_opened);
    return recorder->figures();
}

}  // namespace claimstorm
