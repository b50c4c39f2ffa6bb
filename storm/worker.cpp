#include "storm/worker.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace claimstorm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// How often time-outs and the stop flag are looked at. Sends have a timer of their own.
constexpr auto kTick = milliseconds(10);
constexpr TimeNs kFlushEveryNs = 100'000'000;
/// The last stretch before the release is spent spinning: a sleep may wake late.
constexpr auto kSpin = std::chrono::microseconds(200);

}  // namespace

Worker::Worker(const WorkerJob& job, std::uint32_t index, HistoryWriter& history)
    : job_(job),
      index_(index),
      history_(history),
      lane_(history),
      users_(job.users.reader()),
      due_timer_(io_),
      tick_timer_(io_),
      release_(Clock::now()) {
    const std::uint32_t total = job.spec.connections;
    const std::uint32_t mine = total / job.workers + (index < total % job.workers ? 1 : 0);
    for (std::uint32_t i = 0; i < mine; ++i) {
        connections_.push_back(std::make_unique<Connection>(io_, job.endpoint, *this));
        if (!job.rules.wanted_headers().empty()) {
            connections_.back()->exchange().wanted_headers = &job.rules.wanted_headers();
        }
    }
    skip_to_own_group();
}

TimeNs Worker::now_ns() const {
    return std::chrono::duration_cast<nanoseconds>(Clock::now() - release_).count();
}

// ---- the storm ----------------------------------------------------------------------------------

void Worker::load() {
    phase_ = Phase::firing;
    for (const auto& connection : connections_) {
        connection->idle_since_ns = 0;
        idle_.push_back(connection.get());
    }
    while (group_cursor_ < job_.plan.size() && job_.plan[group_cursor_].due_ns == 0 &&
           may_start_group()) {
        Connection* connection = idle_.front();
        idle_.pop_front();
        assign(*connection, {group_cursor_, false});
        loaded_.push_back(connection);
        start_group();
    }
}

void Worker::fire(Clock::time_point release) {
    TimeNs last_due = 0;
    for (const PlannedAttempt& planned : job_.plan) last_due = std::max(last_due, planned.due_ns);
    give_up_ns_ = last_due + job_.spec.overrun.count();
    std::this_thread::sleep_until(release - kSpin);
    while (Clock::now() < release) { /* the release is a shared instant */
    }
    release_ = release;
    for (Connection* connection : loaded_) connection->send();
    for (Connection* connection : loaded_) {
        connection->await_response();
        if (connection->exchange().sent_ns == kNever) watch(*connection, 0);
    }
    io_.restart();
    tick();
    pump({});
    stop_if_done();
    io_.run();
    lane_.flush();
}

// Groups are dealt out in turn, so that every worker has its part of each moment.
void Worker::skip_to_own_group() {
    for (; group_cursor_ < job_.plan.size(); ++group_cursor_) {
        if (job_.plan[group_cursor_].number != 1) continue;
        if (groups_seen_++ % job_.workers != index_) continue;
        std::size_t end = group_cursor_ + 1;
        while (end < job_.plan.size() && job_.plan[end].number != 1) ++end;
        group_size_ = end - group_cursor_;
        return;
    }
}

/// A user who clicks twice does so on connections of its own: the group starts when there is one
/// for each click, and those of the later clicks are kept free. With fewer connections than clicks
/// it must do with what there is.
bool Worker::may_start_group() const {
    return free_connections() >= std::min(group_size_, connections_.size());
}

bool Worker::is_group_due(TimeNs now) const {
    return group_cursor_ < job_.plan.size() && job_.plan[group_cursor_].due_ns <= now;
}

/// Polls and first attempts take turns while both are due: a full burst does not keep the polls
/// waiting until it is over, and crowds that poll do not keep the burst from coming. A group whose
/// turn it is gets the connections that come back from their exchanges; when none is out, it waits
/// for later clicks to be made, and a poll is in nobody's way.
bool Worker::may_poll(TimeNs now) const {
    const bool is_groups_turn =
        groups_turn_ && is_group_due(now) && (may_start_group() || in_flight_ > 0);
    return free_connections() > 0 && !is_groups_turn;
}

void Worker::start_group() {
    reserved_ += std::min(group_size_, connections_.size()) - 1;
    ++group_cursor_;
    skip_to_own_group();
}

TimeNs Worker::next_eligible_ns() const {
    TimeNs next = kNever;
    if (!follow_ups_.empty()) next = follow_ups_.top().eligible_ns;
    if (!polls_.empty() && may_poll(now_ns())) next = std::min(next, polls_.next_due_ns());
    if (group_cursor_ < job_.plan.size() && may_start_group()) {
        next = std::min(next, job_.plan[group_cursor_].due_ns);
    }
    return next;
}

// A second click goes before other users' first ones: a double click is close together or it is
// none.
bool Worker::assign_next(Connection& connection, Starved starved) {
    const TimeNs now = now_ns();
    if (!follow_ups_.empty() && follow_ups_.top().eligible_ns <= now) {
        const FollowUp next = follow_ups_.top();
        follow_ups_.pop();
        if (reserved_ > 0) --reserved_;
        assign(connection, {next.planned_index, next.first_waited || starved.follow_up});
        return true;
    }
    // Waiting for a connection may have outlasted their time. Whoever claimed later stands before
    // them, when answered sooner: they come to light only one by one.
    record_overdue_polls(now);
    if (polls_.next_due_ns() <= now && may_poll(now)) {
        assign_poll(connection, polls_.pop());
        groups_turn_ = true;
        return true;
    }
    if (is_group_due(now) && may_start_group()) {
        assign(connection, {group_cursor_, starved.group});
        start_group();
        groups_turn_ = false;
        return true;
    }
    return false;
}

void Worker::pump(Starved starved) {
    while (!idle_.empty() && !halted_) {
        Connection& connection = *idle_.front();
        if (!assign_next(connection, starved)) break;
        idle_.pop_front();
        connection.start();
        // A connection that must be opened first has as long for that as for its answer.
        if (connection.exchange().sent_ns == kNever) watch(connection, now_ns());
    }
    set_due_timer();
}

void Worker::assign(Connection& connection, const Eligible& next) {
    const PlannedAttempt& planned = job_.plan[next.planned_index];
    connection.planned_index = next.planned_index;
    connection.waited = next.waited;
    connection.exchange().head = job_.claim_is_head;
    job_.claim.render(connection.exchange().request, users_->read(planned.user + 1),
                      planned.number);
    ++in_flight_;
}

void Worker::assign_poll(Connection& connection, PolledAttempt polled) {
    connection.exchange().head = job_.poll->is_head;
    job_.poll->request.render(connection.exchange().request, users_->read(polled.attempt.user + 1),
                              polled.attempt.number, polled.claim_id);
    connection.polled = std::move(polled);
    ++in_flight_;
}

void Worker::on_sent(Connection& connection) {
    if (phase_ != Phase::firing) return;
    const TimeNs sent = connection.exchange().sent_ns;
    watch(connection, sent);
    if (!connection.polled) queue_follow_ups(connection, sent);
}

void Worker::watch(Connection& connection, TimeNs since) {
    deadlines_.push_back({since + job_.spec.timeout.count(), &connection, connection.serial()});
}

void Worker::queue_follow_ups(const Connection& connection, TimeNs sent_ns) {
    const PlannedAttempt& first = job_.plan[connection.planned_index];
    if (first.number != 1) return;
    for (std::size_t i = connection.planned_index + 1; i < job_.plan.size(); ++i) {
        if (job_.plan[i].number == 1) break;
        follow_ups_.push({sent_ns + job_.plan[i].due_ns - first.due_ns, i, connection.waited});
    }
}

void Worker::set_due_timer() {
    if (idle_.empty() || halted_) return;
    const TimeNs next = next_eligible_ns();
    if (next == kNever || next == due_timer_set_for_) return;
    due_timer_set_for_ = next;
    due_timer_.expires_at(release_ + nanoseconds(next));
    due_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error) return;
        due_timer_set_for_ = kNever;
        pump({});
    });
}

void Worker::on_exchange_done(Connection& connection) {
    if (phase_ != Phase::firing) {
        on_prepared(connection);
        return;
    }
    --in_flight_;
    if (connection.polled) {
        on_poll_done(connection);
    } else {
        on_claim_done(connection);
    }
    const Starved starved{!may_start_group(), idle_.empty()};
    connection.idle_since_ns = now_ns();
    idle_.push_back(&connection);
    pump(starved);
    stop_if_done();
}

// ---- bounds -------------------------------------------------------------------------------------

void Worker::tick() {
    const TimeNs now = now_ns();
    expire(now);
    record_overdue_polls(now);
    if (now - last_flush_ns_ >= kFlushEveryNs) {
        lane_.flush();
        last_flush_ns_ = now;
    }
    if (!halted_ && (job_.stop || now > give_up_ns_ || history_.failed())) {
        halt(TransportError::cancelled);
    }
    stop_if_done();
    tick_timer_.expires_after(kTick);
    tick_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) tick();
    });
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
    // The later clicks of users whose first attempt went out are in the queue; the others' follow
    // their first in the plan.
    while (!follow_ups_.empty()) {
        record_not_sent(follow_ups_.top().planned_index);
        follow_ups_.pop();
    }
    while (group_cursor_ < job_.plan.size()) {
        std::size_t i = group_cursor_;
        do {
            record_not_sent(i++);
        } while (i < job_.plan.size() && job_.plan[i].number != 1);
        ++group_cursor_;
        skip_to_own_group();
    }
}

void Worker::stop_if_done() {
    if (in_flight_ > 0 || !follow_ups_.empty() || !polls_.empty()) return;
    if (group_cursor_ < job_.plan.size()) return;
    io_.stop();
}

}  // namespace claimstorm
