// What a worker makes of the end of an exchange: the attempt's record, or another poll.
#include <utility>

#include "storm/worker.h"

namespace claimstorm {

void Worker::on_claim_done(Connection& connection) {
    const Exchange& exchange = connection.exchange();
    // Whoever was never sent must still bring its user's later clicks on their way.
    if (exchange.sent_ns == kNever) queue_follow_ups(connection, now_ns());
    const PlannedAttempt& planned = job_.plan[connection.planned_index];
    Attempt attempt;
    attempt.user = planned.user;
    attempt.number = planned.number;
    attempt.due_ns = planned.due_ns;
    attempt.waited = connection.waited;
    attempt.transport_error = exchange.error;
    attempt.http_status = static_cast<std::uint16_t>(exchange.status);
    attempt.sent_ns = exchange.sent_ns;
    attempt.first_byte_ns = exchange.first_byte_ns;
    attempt.done_ns = exchange.done_ns;
    std::string claim_id;
    if (exchange.sent_ns == kNever) {
        attempt.outcome = Outcome::not_sent;
    } else if (exchange.error != TransportError::none) {
        attempt.outcome = Outcome::unknown;
    } else {
        ResponseReading reading = read_answer(exchange);
        attempt.outcome = reading.outcome;
        attempt.ticket = reading.ticket;
        attempt.amount_cents = reading.amount_cents;
        claim_id = std::move(reading.claim_id);
    }
    const bool is_polled = attempt.outcome == Outcome::pending && job_.poll &&
                           !(claim_id.empty() && job_.poll->needs_claim_id);
    if (is_polled) {
        poll_later({attempt, std::move(claim_id), attempt.sent_ns + job_.poll->until_ns});
    } else {
        record(attempt, claim_id);
    }
}

void Worker::on_poll_done(Connection& connection) {
    const Exchange& exchange = connection.exchange();
    PolledAttempt polled = std::move(*connection.polled);
    connection.polled.reset();
    // A poll that failed on its way says nothing of the claim, and asking again takes nothing.
    const bool settled =
        exchange.error == TransportError::none &&
        settle_by_poll(polled, read_answer(exchange), exchange.status, exchange.done_ns);
    if (settled) {
        record(polled.attempt, polled.claim_id);
    } else {
        poll_later(std::move(polled));
    }
}

void Worker::poll_later(PolledAttempt polled) {
    const TimeNs due = now_ns() + job_.poll->every_ns;
    if (halted_ || due >= polled.until_ns) {
        record(polled.attempt, polled.claim_id);
    } else {
        polls_.push(due, std::move(polled));
    }
}

void Worker::record_front_poll() {
    const PolledAttempt polled = polls_.pop();
    record(polled.attempt, polled.claim_id);
}

ResponseReading Worker::read_answer(const Exchange& exchange) {
    ResponseReading reading = job_.rules.read(exchange.status, exchange.body, exchange.headers);
    if (!reading.matched) history_.add_sample({exchange.status, exchange.body});
    return reading;
}

void Worker::record(const Attempt& attempt, std::string_view claim_id) {
    lane_.append(attempt, claim_id);
    job_.attempts_ended.fetch_add(1, std::memory_order_relaxed);
}

void Worker::record_not_sent(std::size_t planned_index) {
    const PlannedAttempt& planned = job_.plan[planned_index];
    Attempt attempt;
    attempt.user = planned.user;
    attempt.number = planned.number;
    attempt.due_ns = planned.due_ns;
    attempt.transport_error = TransportError::cancelled;
    record(attempt, {});
}

}  // namespace claimstorm
