#include "checkers/watch_figures.h"

#include <algorithm>
#include <vector>

#include "checkers/at_samples.h"
#include "checkers/in_ms.h"
#include "checkers/served.h"

namespace claimstorm {
namespace {

bool is_missing(const Reading<std::int64_t>& reading) {
    return reading.is_named() && !reading.is_read();
}

bool is_unread(const StoreSample& sample) {
    return is_missing(sample.backlog_before) || is_missing(sample.rows) ||
           is_missing(sample.backlog_after) || is_missing(sample.cache_remaining);
}

void raise(std::optional<Peak>& peak, std::int64_t value, TimeNs at) {
    if (!peak || value > peak->value) peak = Peak{value, in_ms(at)};
}

/// When as many promises had been told as there was stock to give.
std::optional<double> sold_out_told(const Evidence& evidence) {
    const auto& before = evidence.before.ledger;
    const auto rows_before =
        before.is_read() ? static_cast<std::int64_t>(before->rows.size()) : std::int64_t{0};
    const std::int64_t room = evidence.campaign.stock - rows_before;
    std::vector<Served> claims = claims_told(evidence, Unanswered(evidence));
    if (room <= 0 || room > static_cast<std::int64_t>(claims.size())) return std::nullopt;
    const auto last = claims.begin() + static_cast<std::ptrdiff_t>(room - 1);
    std::nth_element(
        claims.begin(), last, claims.end(),
        [](const Served& left, const Served& right) { return left.told < right.told; });
    return in_ms(last->told);
}

/// Of a claim that is in both for a moment the backlog is believed that is the smaller one.
std::int64_t taken(const StoreSample& sample) {
    if (!sample.backlog_before.is_read() || !sample.backlog_after.is_read()) return *sample.rows;
    return add_counts(*sample.rows, std::min(*sample.backlog_before, *sample.backlog_after));
}

void add_levels(const Evidence& evidence, WatchFigures& figures) {
    const std::vector<StoreSample>& samples = *evidence.samples;
    const std::vector<AtSample> counts = count_at_samples(evidence);
    const auto& before = evidence.before.ledger;
    for (std::size_t at = 0; at < samples.size(); ++at) {
        const StoreSample& sample = samples[at];
        if (is_unread(sample)) ++figures.unread;
        for (const auto* backlog : {&sample.backlog_before, &sample.backlog_after}) {
            if (backlog->is_read()) raise(figures.backlog, **backlog, sample.ended_ns);
        }
        if (!sample.rows.is_read()) continue;
        const double ended_ms = in_ms(sample.ended_ns);
        if (!figures.sold_out_taken_ms && taken(sample) >= evidence.campaign.stock) {
            figures.sold_out_taken_ms = ended_ms;
        }
        if (!figures.sold_out_stored_ms && *sample.rows >= evidence.campaign.stock) {
            figures.sold_out_stored_ms = ended_ms;
        }
        if (!before.is_read()) continue;
        const auto rows_before = static_cast<std::int64_t>(before->rows.size());
        const std::int64_t behind = counts[at].told - (*sample.rows - rows_before);
        raise(figures.rows_behind, std::max<std::int64_t>(0, behind), sample.ended_ns);
    }
}

/// Whether what was read of both is the same; what was not read does not tell.
bool agree(const Reading<std::int64_t>& sampled, const Reading<std::int64_t>& final) {
    return !sampled.is_read() || !final.is_read() || *sampled == *final;
}

bool agree(const Reading<std::int64_t>& sampled, const Reading<Ledger>& final) {
    return !sampled.is_read() || !final.is_read() || *sampled == std::ssize(final->rows);
}

bool tells(const StoreSample& sample) {
    return sample.rows.is_read() || sample.backlog_before.is_read() ||
           sample.cache_remaining.is_read();
}

std::optional<double> converged(const Evidence& evidence) {
    if (!evidence.settlement.settled) return std::nullopt;
    TimeNs last_answer = 0;
    for (const Attempt& attempt : evidence.history.attempts) {
        if (attempt.done_ns != kNever) last_answer = std::max(last_answer, attempt.done_ns);
    }
    const Snapshot& after = evidence.after;
    TimeNs since = kNever;
    for (const StoreSample& sample : *evidence.samples) {
        const bool is_at_rest = agree(sample.rows, after.ledger) &&
                                agree(sample.backlog_before, after.backlog) &&
                                agree(sample.backlog_after, after.backlog) &&
                                agree(sample.cache_remaining, after.cache_remaining);
        if (!is_at_rest) {
            since = kNever;
        } else if (since == kNever && tells(sample)) {
            since = sample.ended_ns;
        }
    }
    if (since == kNever) return std::nullopt;
    return in_ms(std::max<TimeNs>(0, since - last_answer));
}

}  // namespace

std::optional<WatchFigures> watch_figures(const Evidence& evidence) {
    if (!evidence.samples) return std::nullopt;
    WatchFigures figures;
    figures.samples = static_cast<std::int64_t>(evidence.samples->size());
    figures.sold_out_told_ms = sold_out_told(evidence);
    if (evidence.samples->empty()) return figures;
    figures.first_ms = in_ms(evidence.samples->front().begun_ns);
    figures.last_ms = in_ms(evidence.samples->back().ended_ns);
    add_levels(evidence, figures);
    figures.converged_ms = converged(evidence);
    return figures;
}

}  // namespace claimstorm
