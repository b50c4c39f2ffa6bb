#include "storm/polling.h"

#include <algorithm>
#include <utility>

#include "storm/request_template.h"

namespace claimstorm {

std::string poll_problem(const EndpointSpec& endpoint) {
    const PollSpec& poll = *endpoint.poll;
    if (poll.every < std::chrono::milliseconds(1)) return "'every' is at least 1ms";
    if (poll.until <= poll.every) {
        return "'until' must be longer than 'every': the first poll comes that long after the "
               "claim's answer";
    }
    if (needs_claim_id(poll.request) && endpoint.fields.claim_id.empty()) {
        return "{claim_id} comes from the answer to the claim: say where with fields.claim_id";
    }
    const bool can_be_pending =
        std::any_of(endpoint.outcomes.begin(), endpoint.outcomes.end(),
                    [](const OutcomeRule& rule) { return rule.is == Outcome::pending; });
    if (!can_be_pending) return "no rule of outcomes says \"pending\": nothing would be polled";
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
