// What a worker makes of the end of an exchange: the attempt's record, another poll, another try.
#include <algorithm>
#include <cmath>
#include <utility>

#include "storm/random.h"
#include "storm/worker.h"

namespace claimstorm {
namespace {

// Streams of the seed, beside those of the plan.
constexpr std::uint64_t kThinkStream = 6;
constexpr std::uint64_t kRetryStream = 7;

Attempt attempt_of(const Connection& connection, const Exchange& exchange) {
    Attempt attempt;
    attempt.user = connection.planned.user;
    attempt.number = connection.planned.number;
    attempt.campaign = connection.planned.campaign;
    attempt.due_ns = connection.planned.due_ns;
    attempt.waited = connection.waited;
    attempt.transport_error = exchange.error;
    attempt.http_status = static_cast<std::uint16_t>(exchange.status);
    attempt.sent_ns = exchange.sent_ns;
    attempt.first_byte_ns = exchange.first_byte_ns;
    attempt.done_ns = exchange.done_ns;
    return attempt;
}

}  // namespace

void Worker::on_claim_done(Connection& connection) {
    const Exchange& exchange = connection.exchange();
    // Whoever was never sent must still bring its user's later clicks on their way.
    if (exchange.sent_ns == kNever && !connection.later.empty()) {
        queue_later_clicks(connection, now_ns());
    }
    Attempt attempt = attempt_of(connection, exchange);
    std::string claim_id;
    std::string poll_id;
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
        poll_id = std::move(reading.poll_id);
    }
    const bool is_polled = attempt.outcome == Outcome::pending && job_.poll &&
                           id_missing(job_.poll->needed, claim_id, poll_id).empty();
    if (is_polled) {
        poll_later({attempt, std::move(claim_id), std::move(poll_id),
                    attempt.sent_ns + job_.poll->until_ns, connection.planned});
    } else {
        end_attempt(connection.planned, attempt, claim_id);
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
        end_attempt(polled.planned, polled.attempt, polled.claim_id);
    } else {
        poll_later(std::move(polled));
    }
}

void Worker::poll_later(PolledAttempt polled) {
    const TimeNs due = now_ns() + job_.poll->every_ns;
    if (halted_ || due >= polled.until_ns) {
        end_attempt(polled.planned, polled.attempt, polled.claim_id);
    } else {
        polls_.push(due, std::move(polled));
    }
}

void Worker::record_front_poll() {
    const PolledAttempt polled = polls_.pop();
    end_attempt(polled.planned, polled.attempt, polled.claim_id);
}

void Worker::end_attempt(const PlannedAttempt& planned, const Attempt& attempt,
                         std::string_view claim_id) {
    record(attempt, claim_id);
    if (retry_later(planned, attempt.outcome)) return;
    if (closed_loop_ != nullptr) release_person(attempt);
}

bool Worker::retry_later(const PlannedAttempt& planned, Outcome outcome) {
    if (planned.tries_left == 0 || halted_) return false;
    const Retry& retry = *job_.spec.retry;
    if (std::find(retry.on.begin(), retry.on.end(), outcome) == retry.on.end()) return false;
    const double jitter =
        retry.jitter * (2 * draw_for(planned.user, planned.number, kRetryStream) - 1);
    PlannedAttempt next = planned;
    next.number = static_cast<std::uint16_t>(planned.number + job_.spec.copies());
    if (retry.key == KeyUse::fresh) next.key = next.number;
    next.due_ns = now_ns() + std::llround(static_cast<double>(retry.after.count()) * (1 + jitter));
    --next.tries_left;
    retries_.push({next.due_ns, next, false});
    return true;
}

/// Who has been told the end of a claim thinks, and then makes the next one. The later clicks of a
/// double click are nobody else's: the person is free when the first click has its answer.
void Worker::release_person(const Attempt& ended) {
    if ((ended.number - 1) % job_.spec.copies() != 0) return;
    const auto range =
        static_cast<double>((closed_loop_->think_max - closed_loop_->think_min).count());
    TimeNs think = closed_loop_->think_min.count();
    if (range > 0) think += std::llround(range * draw_for(ended.user, ended.number, kThinkStream));
    people_.push(now_ns() + think);
}

/// Uniform in [0, 1), the same for this attempt in every storm of the seed.
double Worker::draw_for(UserId user, std::uint16_t number, std::uint64_t stream) const {
    const std::uint64_t whose = (std::uint64_t{user} << 16) | number;
    return Random(job_.seed + whose * 0x9E3779B97F4A7C15ULL, stream).uniform();
}

// Most answers of a storm are the same "sold out": what was read of the last one holds for it.
ResponseReading Worker::read_answer(const Exchange& exchange) {
    if (exchange.headers.empty() && exchange.status == last_status_ &&
        exchange.body == last_body_ && last_reading_.matched) {
        return last_reading_;
    }
    ResponseReading reading = job_.rules.read(exchange.status, exchange.body, exchange.headers);
    if (!reading.matched) history_.add_sample({exchange.status, exchange.body});
    if (exchange.headers.empty()) {
        last_status_ = exchange.status;
        last_body_ = exchange.body;
        last_reading_ = reading;
    }
    return reading;
}

void Worker::record(const Attempt& attempt, std::string_view claim_id) {
    lane_.append(attempt, claim_id);
    recorder_->add(attempt);
    ++ended_;
    if (attempt.outcome == Outcome::granted && attempt.campaign == 0) ++granted_;
}

void Worker::record_not_sent(const PlannedAttempt& planned) {
    Attempt attempt;
    attempt.user = planned.user;
    attempt.number = planned.number;
    attempt.campaign = planned.campaign;
    attempt.due_ns = planned.due_ns;
    attempt.transport_error = TransportError::cancelled;
    record(attempt, {});
}

}  // namespace claimstorm
