#include "storm/polling.h"

#include <algorithm>
#include <utility>

namespace claimstorm {

std::string poll_problem(const EndpointSpec& endpoint) {
    const bool has_poll_id = !endpoint.fields.poll_id.empty();
    if (!endpoint.poll) {
        return has_poll_id ? "fields.poll_id is what a poll asks by, and there is no poll" : "";
    }
    const PollSpec& poll = *endpoint.poll;
    const IdsNeeded needed = ids_needed(poll.request);
    if (poll.every < std::chrono::milliseconds(1)) return "'every' is at least 1ms";
    if (poll.until <= poll.every) {
        return "'until' must be longer than 'every': the first poll comes that long after the "
               "claim's answer";
    }
    if (needed.claim_id && endpoint.fields.claim_id.empty()) {
        return "{claim_id} comes from the answer to the claim: say where with fields.claim_id";
    }
    if (needed.poll_id && !has_poll_id) {
        return "{poll_id} comes from the answer to the claim: say where with fields.poll_id";
    }
    if (has_poll_id && !needed.poll_id) {
        return "fields.poll_id is read for nothing: the poll asks by no {poll_id}";
    }
    const bool can_be_pending =
        std::any_of(endpoint.outcomes.begin(), endpoint.outcomes.end(),
                    [](const OutcomeRule& rule) { return rule.is == Outcome::pending; });
    if (!can_be_pending) return "no rule of outcomes says \"pending\": nothing would be polled";
    return {};
}

std::string_view id_missing(const IdsNeeded& needed, std::string_view claim_id,
                            std::string_view poll_id) {
    if (needed.claim_id && claim_id.empty()) return "claim id";
    if (needed.poll_id && poll_id.empty()) return "poll id";
    return {};
}

bool settle_by_poll(PolledAttempt& polled, const ResponseReading& reading, int http_status,
                    TimeNs done_ns) {
    if (reading.outcome == Outcome::pending || reading.outcome == Outcome::unknown ||
        reading.outcome == Outcome::throttled) {
        return false;
    }
    Attempt& attempt = polled.attempt;
    attempt.outcome = reading.outcome;
    attempt.http_status = static_cast<std::uint16_t>(http_status);
    attempt.done_ns = done_ns;
    attempt.ticket = reading.ticket;
    attempt.amount_cents = reading.amount_cents;
    if (!reading.claim_id.empty()) polled.claim_id = reading.claim_id;
    return true;
}

void PollQueue::push(TimeNs due_ns, PolledAttempt polled) {
    entries_.push_back({due_ns, std::move(polled)});
}

PolledAttempt PollQueue::pop() {
    PolledAttempt polled = std::move(entries_.front().polled);
    entries_.pop_front();
    return polled;
}

}  // namespace claimstorm
