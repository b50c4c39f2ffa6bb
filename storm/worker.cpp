#include "storm/worker.h"

#include <algorithm>
#include <sys/prctl.h>
#include <thread>
#include <utility>

namespace claimstorm {
namespace {

using std::chrono::nanoseconds;

/// How often time-outs and the stop flag are looked at. Sends have a timer of their own.
constexpr TimeNs kTickNs = 10'000'000;
constexpr TimeNs kFlushEveryNs = 100'000'000;
/// The last stretch before the release is spent spinning: a sleep may wake late.
constexpr auto kSpin = std::chrono::microseconds(200);

/// How many of the storm's connections are the workers' before this one.
std::size_t connections_before(const WorkerJob& job, std::uint32_t index) {
    const std::uint32_t total = job.spec.connections;
    return std::size_t{total / job.workers} * index + std::min(index, total % job.workers);
}

}  // namespace

Worker::Worker(const WorkerJob& job, std::uint32_t index, HistoryWriter& history)
    : job_(job),
      history_(history),
      lane_(history),
      recorder_(std::make_unique<StormRecorder>()),
      users_(job.users.reader()),
      transport_(make_transport(job.route, loop_, connections_before(job, index))),
      release_(Clock::now()),
      visits_(job.plan, index, job.workers),
      closed_loop_(std::get_if<ClosedLoop>(&job.spec.arrival)) {
    const std::size_t mine = connections_before(job, index + 1) - connections_before(job, index);
    connections_.reserve(mine);
    for (std::size_t i = 0; i < mine; ++i) {
        connections_.push_back(transport_->make_connection(*this));
        if (!job.rules.wanted_headers().empty()) {
            connections_.back()->exchange().wanted_headers = &job.rules.wanted_headers();
        }
    }
    if (closed_loop_ != nullptr) {
        for (std::size_t i = 0; i < mine; ++i) people_.push(0);
    }
}

TimeNs Worker::now_ns() const {
    return std::chrono::duration_cast<nanoseconds>(Clock::now() - release_).count();
}

// ---- the storm ----------------------------------------------------------------------------------

void Worker::load() {
    phase_ = Phase::firing;
    for (const auto& connection : connections_) idle_.push_back(connection.get());
    while (is_visit_due(0) && may_start_visit()) {
        Connection* connection = idle_.front();
        idle_.pop_front();
        start_visit(*connection, false);
        if (job_.route.gate != BurstGate::full) connection->hold();
        loaded_.push_back(connection);
    }
}

void Worker::fire(Clock::time_point release) {
    const bool is_bounded = closed_loop_ == nullptr || closed_loop_->is_open_ended();
    if (is_bounded) give_up_ns_ = job_.plan.last_due_ns() + job_.spec.overrun.count();
    // A thread's timers may by default be 50 us late, to save power.
    ::prctl(PR_SET_TIMERSLACK, 1UL);
    std::this_thread::sleep_until(release - kSpin);
    while (Clock::now() < release) { /* the release is a shared instant */
    }
    release_ = release;
    transport_->release(loaded_);
    for (Connection* connection : loaded_) {
        if (connection->in_flight() && connection->exchange().sent_ns == kNever) {
            watch(*connection, 0);
        }
    }
    pump({});
    run_until_done();
    recorder_->add_connections(loop_.connections_made());
    publish();
    lane_.flush();
}

void Worker::run_until_done() {
    while (!is_done()) {
        TimeNs until = next_tick_ns_;
        if (!hang_ups_.empty()) until = std::min(until, hang_ups_.front().at_ns);
        if (!idle_.empty() && !halted_) until = std::min(until, next_eligible_ns());
        loop_.turn(release_ + nanoseconds(until));
        const TimeNs now = now_ns();
        hang_up(now);
        if (now >= next_tick_ns_) tick(now);
        pump({});
    }
}

bool Worker::is_done() const {
    return in_flight_ == 0 && clicks_.empty() && retries_.empty() && polls_.empty() &&
           (halted_ || !has_visit(now_ns()));
}

bool Worker::has_visit(TimeNs now) const {
    if (visits_.at_end()) return false;
    return closed_loop_ == nullptr || !closed_loop_->is_open_ended() ||
           now < closed_loop_->duration.count();
}

TimeNs Worker::visit_due_ns() const {
    if (closed_loop_ == nullptr) return visits_.visit().first.due_ns;
    return people_.empty() ? kNever : people_.top();
}

/// A user who clicks twice does so on connections of its own: the visit starts when there is one
/// for each click, and those of the later clicks are kept free. With fewer connections than clicks
/// it must do with what there is.
bool Worker::may_start_visit() const {
    return !visits_.at_end() && free_connections() >= std::min(visit_size(), connections_.size());
}

bool Worker::may_retry(TimeNs now) const {
    return !retries_.empty() && retries_.top().eligible_ns <= now && free_connections() > 0;
}

bool Worker::is_visit_due(TimeNs now) const {
    return has_visit(now) && visit_due_ns() <= now;
}

/// Polls and first attempts take turns while both are due: a full burst does not keep the polls
/// waiting until it is over, and crowds that poll do not keep the burst from coming. A visit whose
/// turn it is gets the connections that come back from their exchanges; when none is out, it waits
/// for later clicks to be made, and a poll is in nobody's way.
bool Worker::may_poll(TimeNs now) const {
    const bool is_visits_turn =
        visits_turn_ && is_visit_due(now) && (may_start_visit() || in_flight_ > 0);
    return free_connections() > 0 && !is_visits_turn;
}

void Worker::start_visit(Connection& connection, bool waited) {
    const PlannedVisit& visit = visits_.visit();
    connection.later = visit.later;
    PlannedAttempt first = visit.first;
    if (closed_loop_ != nullptr) {
        first.due_ns = people_.top();
        people_.pop();
        for (PlannedAttempt& click : connection.later) click.due_ns += first.due_ns;
    }
    reserved_ += std::min(visit_size(), connections_.size()) - 1;
    visits_.next();
    assign(connection, first, waited);
}

TimeNs Worker::next_eligible_ns() const {
    TimeNs next = kNever;
    if (!clicks_.empty()) next = clicks_.top().eligible_ns;
    if (!retries_.empty() && free_connections() > 0) {
        next = std::min(next, retries_.top().eligible_ns);
    }
    const TimeNs now = now_ns();
    if (!polls_.empty() && may_poll(now)) next = std::min(next, polls_.next_due_ns());
    if (has_visit(now) && may_start_visit()) next = std::min(next, visit_due_ns());
    return next;
}

// A second click goes before other users' first ones: a double click is close together or it is
// none.
bool Worker::assign_next(Connection& connection, Starved starved) {
    const TimeNs now = now_ns();
    if (!clicks_.empty() && clicks_.top().eligible_ns <= now) {
        const FollowUp next = clicks_.top();
        clicks_.pop();
        if (reserved_ > 0) --reserved_;
        connection.later.clear();
        assign(connection, next.attempt, next.waited || starved.click);
        return true;
    }
    if (may_retry(now)) {
        const PlannedAttempt next = retries_.top().attempt;
        retries_.pop();
        connection.later.clear();
        assign(connection, next, starved.visit);
        return true;
    }
    // Waiting for a connection may have outlasted their time. Whoever claimed later stands before
    // them, when answered sooner: they come to light only one by one.
    record_overdue_polls(now);
    if (polls_.next_due_ns() <= now && may_poll(now)) {
        assign_poll(connection, polls_.pop());
        visits_turn_ = true;
        return true;
    }
    if (is_visit_due(now) && may_start_visit()) {
        start_visit(connection, starved.visit);
        visits_turn_ = false;
        return true;
    }
    return false;
}

void Worker::pump(Starved starved) {
    while (!idle_.empty() && !halted_) {
        Connection& connection = *idle_.front();
        if (!assign_next(connection, starved)) break;
        idle_.pop_front();
        connection.send();
        // A connection that must be opened first has as long for that as for its answer.
        if (connection.exchange().sent_ns == kNever) watch(connection, now_ns());
    }
}

void Worker::assign(Connection& connection, const PlannedAttempt& attempt, bool waited) {
    connection.planned = attempt;
    connection.waited = waited;
    connection.exchange().head = job_.claim_is_head;
    job_.claims[attempt.campaign].render(connection.exchange().request,
                                         users_->read(attempt.user + 1),
                                         values_of(attempt, job_.seed));
    ++in_flight_;
}

void Worker::assign_poll(Connection& connection, PolledAttempt polled) {
    connection.exchange().head = job_.poll->is_head;
    ClaimValues values = values_of(polled.planned, job_.seed);
    values.claim_id = polled.claim_id;
    values.poll_id = polled.poll_id;
    job_.poll->requests[polled.planned.campaign].render(
        connection.exchange().request, users_->read(polled.attempt.user + 1), values);
    connection.polled = std::move(polled);
    ++in_flight_;
}

void Worker::on_sent(Connection& connection) {
    if (phase_ != Phase::firing) return;
    const TimeNs sent = connection.exchange().sent_ns;
    watch(connection, sent);
    if (connection.polled) return;
    if (!connection.later.empty()) queue_later_clicks(connection, sent);
    if (connection.planned.hangs_up) {
        hang_ups_.push_back(
            {sent + job_.spec.hang_up->after.count(), &connection, connection.serial()});
    }
}

void Worker::watch(Connection& connection, TimeNs since) {
    deadlines_.push_back({since + job_.spec.timeout.count(), &connection, connection.serial()});
}

void Worker::queue_later_clicks(const Connection& connection, TimeNs sent_ns) {
    const TimeNs behind = sent_ns - connection.planned.due_ns;
    for (const PlannedAttempt& click : connection.later) {
        clicks_.push({click.due_ns + behind, click, connection.waited});
    }
}

void Worker::on_exchange_done(Connection& connection) {
    if (phase_ != Phase::firing) {
        on_prepared(connection);
        return;
    }
    const Starved starved{is_visit_due(now_ns()) && !may_start_visit(), idle_.empty()};
    --in_flight_;
    if (connection.polled) {
        on_poll_done(connection);
    } else {
        on_claim_done(connection);
    }
    idle_.push_back(&connection);
    pump(starved);
}

// ---- bounds -------------------------------------------------------------------------------------

void Worker::tick(TimeNs now) {
    next_tick_ns_ = now + kTickNs;
    expire(now);
    record_overdue_polls(now);
    publish();
    if (now - last_flush_ns_ >= kFlushEveryNs) {
        lane_.flush();
        last_flush_ns_ = now;
    }
    if (!halted_ && (job_.stop || now > give_up_ns_ || history_.failed())) {
        halt(TransportError::cancelled);
    }
}

void Worker::publish() {
    job_.attempts_ended.fetch_add(ended_, std::memory_order_relaxed);
    job_.claims_granted.fetch_add(granted_, std::memory_order_relaxed);
    ended_ = 0;
    granted_ = 0;
}

void Worker::expire(TimeNs now) {
    while (!deadlines_.empty() && deadlines_.front().at_ns <= now) {
        const Deadline due = deadlines_.front();
        deadlines_.pop_front();
        if (due.connection->serial() != due.serial) continue;
        const TimeNs sent = due.connection->exchange().sent_ns;
        if (sent == kNever) {
            due.connection->give_up(TransportError::connect_timeout);
        } else if (sent + job_.spec.timeout.count() <= now) {
            due.connection->give_up(TransportError::timeout);
        }
    }
}

void Worker::hang_up(TimeNs now) {
    while (!hang_ups_.empty() && hang_ups_.front().at_ns <= now) {
        const Deadline due = hang_ups_.front();
        hang_ups_.pop_front();
        if (due.connection->serial() != due.serial) continue;
        due.connection->give_up(TransportError::hung_up);
    }
}

/// Polls that found no connection before asking was to end.
void Worker::record_overdue_polls(TimeNs now) {
    while (!polls_.empty() && polls_.front().until_ns <= now) record_front_poll();
}

/// Ends the storm early: whatever is under way is given up, whatever was not begun is recorded as
/// not sent, so that every planned attempt stands in the history. What was pending remains so.
void Worker::halt(TransportError reason) {
    halted_ = true;
    for (const auto& connection : connections_) connection->give_up(reason);
    while (!polls_.empty()) record_front_poll();
    record_what_was_not_begun();
}

/// The later clicks of users whose first attempt went out, and the retries, are in the queue.
void Worker::record_what_was_not_begun() {
    for (; !clicks_.empty(); clicks_.pop()) record_not_sent(clicks_.top().attempt);
    for (; !retries_.empty(); retries_.pop()) record_not_sent(retries_.top().attempt);
    // Nobody has planned whom an open-ended loop would have come to.
    if (closed_loop_ != nullptr && closed_loop_->is_open_ended()) return;
    for (; !visits_.at_end(); visits_.next()) {
        record_not_sent(visits_.visit().first);
        for (const PlannedAttempt& click : visits_.visit().later) record_not_sent(click);
    }
}

}  // namespace claimstorm
