#include "checkers/at_samples.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>

#include "checkers/by_user.h"
#include "checkers/grants.h"
#include "checkers/released.h"
#include "checkers/served.h"

namespace claimstorm {
namespace {

/// Adds to ranges of samples, each range in O(log m); `sums` adds up in the end.
class Ranges {
  public:
    explicit Ranges(const std::vector<StoreSample>& samples)
        : samples_(samples), steps_(samples.size() + 1) {}

    /// The first sample that began after `instant`.
    std::size_t begun_after(TimeNs instant) const {
        const auto at = std::upper_bound(
            samples_.begin(), samples_.end(), instant,
            [](TimeNs time, const StoreSample& sample) { return time < sample.begun_ns; });
        return static_cast<std::size_t>(at - samples_.begin());
    }
    /// The first sample that ended at `instant` or later.
    std::size_t ended_from(TimeNs instant) const {
        const auto at = std::lower_bound(
            samples_.begin(), samples_.end(), instant,
            [](const StoreSample& sample, TimeNs time) { return sample.ended_ns < time; });
        return static_cast<std::size_t>(at - samples_.begin());
    }

    void add_from(std::size_t first) { ++steps_[first]; }
    /// Precondition: `first <= end`.
    void add(std::size_t first, std::size_t end) {
        ++steps_[first];
        --steps_[end];
    }

    template <typename Take>
    void sum_up(Take&& take) const {
        std::int64_t sum = 0;
        for (std::size_t at = 0; at < samples_.size(); ++at) {
            sum += steps_[at];
            take(at, sum);
        }
    }

  private:
    const std::vector<StoreSample>& samples_;
    std::vector<std::int64_t> steps_;
};

struct Counters {
    explicit Counters(const std::vector<StoreSample>& samples)
        : told(samples), surely_told(samples), asked(samples), sent(samples) {}

    Ranges told;
    Ranges surely_told;
    Ranges asked;
    Ranges sent;
};

/// Attempts that are no grants: those may have asked for a row for good, or for as long as they
/// were under way.
void add_attempts(const Evidence& evidence, Counters& counters) {
    for (const Attempt& attempt : evidence.history.attempts) {
        if (attempt.sent_ns == kNever) continue;
        const std::size_t sent = counters.sent.ended_from(attempt.sent_ns);
        counters.sent.add_from(sent);
        if (attempt.outcome == Outcome::granted) continue;
        if (may_have_held_a_unit(attempt.outcome)) {
            counters.asked.add_from(sent);
        } else {
            counters.asked.add(sent, counters.asked.begun_after(attempt.done_ns));
        }
    }
}

/// A user's granted answers, of which those with the same id are one promise.
class PromisesInTime {
  public:
    PromisesInTime(const Evidence& evidence, Counters& counters)
        : evidence_(evidence), counters_(counters) {}

    void add(std::span<const ByUser::Index> granted, bool has_old_rows, bool has_unanswered) {
        TimeNs first_without = kNever;
        TimeNs last_without = 0;
        bool any_with_id = false;
        for (std::size_t at = 0; at < granted.size();) {
            const std::string_view id = granted_id(evidence_, granted[at]);
            TimeNs began = kNever;
            TimeNs told = kNever;
            do {
                const Attempt attempt = evidence_.history.attempts[granted[at]];
                began = std::min(began, attempt.sent_ns);
                told = std::min(told, attempt.done_ns);
                ++at;
            } while (!id.empty() && at < granted.size() &&
                     granted_id(evidence_, granted[at]) == id);
            counters_.asked.add_from(counters_.asked.ended_from(began));
            if (id.empty()) {
                first_without = std::min(first_without, told);
                last_without = std::max(last_without, told);
                continue;
            }
            any_with_id = true;
            if (!has_old_rows) tell(told, told, has_unanswered);
        }
        // Answers without an id may repeat any of the others.
        if (!any_with_id && !has_old_rows) tell(first_without, last_without, has_unanswered);
    }

  private:
    void tell(TimeNs first, TimeNs last, bool has_unanswered) {
        counters_.told.add_from(counters_.told.begun_after(first));
        if (has_unanswered) return;
        counters_.surely_told.add_from(counters_.surely_told.begun_after(last));
    }

    const Evidence& evidence_;
    Counters& counters_;
};

}  // namespace

std::vector<AtSample> count_at_samples(const Evidence& evidence) {
    const std::vector<StoreSample>& samples = *evidence.samples;
    Counters counters(samples);
    add_attempts(evidence, counters);
    const ByUser grants = grants_by_user(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    const Unanswered unanswered(evidence);
    PromisesInTime promises(evidence, counters);
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        if (granted.empty()) continue;
        promises.add(granted, !old_rows.of(user).empty(), unanswered.began(user) != kNever);
    }
    std::vector<AtSample> counts(samples.size());
    counters.told.sum_up([&](std::size_t at, std::int64_t sum) { counts[at].told = sum; });
    counters.surely_told.sum_up(
        [&](std::size_t at, std::int64_t sum) { counts[at].surely_told = sum; });
    counters.asked.sum_up([&](std::size_t at, std::int64_t sum) { counts[at].asked = sum; });
    counters.sent.sum_up([&](std::size_t at, std::int64_t sum) { counts[at].sent = sum; });
    return counts;
}

std::int64_t count_may_be_released(const Evidence& evidence) {
    std::int64_t released = count_rows_gone(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    const Unanswered unanswered(evidence);
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        if (unanswered.began(user) == kNever) continue;
        released += static_cast<std::int64_t>(old_rows.of(user).size());
    }
    return released;
}

TimeNs first_grant(const History& history) {
    TimeNs first = kNever;
    for (const Attempt& attempt : history.attempts) {
        if (attempt.outcome == Outcome::granted) first = std::min(first, attempt.done_ns);
    }
    return first;
}

std::int64_t add_counts(std::int64_t left, std::int64_t right) noexcept {
    std::int64_t sum = 0;
    return __builtin_add_overflow(left, right, &sum) ? std::numeric_limits<std::int64_t>::max()
                                                     : sum;
}

}  // namespace claimstorm
