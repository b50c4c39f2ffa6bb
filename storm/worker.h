#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include "storm/connection.h"
#include "storm/event_loop.h"
#include "storm/figures.h"
#include "storm/history_file.h"
#include "storm/outcome_rules.h"
#include "storm/plan.h"
#include "storm/polling.h"
#include "storm/request_template.h"
#include "storm/spec.h"
#include "storm/transport.h"
#include "storm/user_source.h"

namespace claimstorm {

/// How attempts that were answered `pending` are asked after.
struct PollJob {
    const std::vector<RequestTemplate>& requests;  ///< one a campaign
    IdsNeeded needed;
    bool is_head = false;
    TimeNs every_ns = 0;
    TimeNs until_ns = 0;  ///< from the claim's send
};

/// What all workers of a storm share; read-only while they run, but for the counters.
struct WorkerJob {
    const StormSpec& spec;
    const Plan& plan;
    std::uint64_t seed = 0;
    const Route& route;
    std::string target_name;  ///< for messages: "http://127.0.0.1:3000"
    const UserSource& users;
    const std::vector<RequestTemplate>& claims;  ///< one a campaign
    bool claim_is_head = false;
    const RequestTemplate* warm_up = nullptr;
    bool warm_up_is_head = false;
    std::optional<PollJob> poll;
    const OutcomeRules& rules;
    std::uint32_t workers = 1;
    const std::atomic<bool>& stop;               ///< set from outside: end soon, keep the history
    std::atomic<std::uint64_t>& attempts_ended;  ///< for a progress display
    std::atomic<std::uint64_t>& claims_granted;  ///< the same, at the campaign that is judged
};

/// One thread's share of the storm: an event loop, some of the connections, and the plan's visits
/// whose position modulo the number of workers is this worker's index.
class Worker final : public ExchangeListener {
  public:
    using Clock = EventLoop::Clock;

    Worker(const WorkerJob& job, std::uint32_t index, HistoryWriter& history);

    /// Opens all connections and warms them up. Bounded by 15 s. Throws EnvironmentError.
    void prepare();

    /// Renders the requests that go out at the release, and sends of them what the gate lets out
    /// before. Called last before `fire`.
    void load();

    /// Fires this worker's share, from `release` on, until every attempt has ended. Bounded by the
    /// last due time + spec.overrun + spec.timeout; a closed loop without a duration by every
    /// attempt's own time-out.
    void fire(Clock::time_point release);

    /// What the attempts of this worker came to.
    const StormRecorder& recorder() const noexcept { return *recorder_; }

  private:
    enum class Phase : std::uint8_t { opening, warming, firing };
    /// An attempt that an earlier one has made due: a later click by its send, a retry by its end.
    struct FollowUp {
        TimeNs eligible_ns;
        PlannedAttempt attempt;
        bool waited;  // a later click whose first one waited has waited, too
        bool operator>(const FollowUp& other) const { return eligible_ns > other.eligible_ns; }
    };
    struct Deadline {
        TimeNs at_ns;
        Connection* connection;
        std::uint64_t serial;
    };
    /// What could not be started a moment ago, for want of free connections.
    struct Starved {
        bool visit = false;
        bool click = false;
    };

    TimeNs now_ns() const override;
    void on_sent(Connection& connection) override;
    void on_exchange_done(Connection& connection) override;

    void run_phase(Phase phase);
    void look_again();
    void open_or_warm(Connection& connection);
    void on_prepared(Connection& connection);
    [[noreturn]] void refuse_to_start() const;

    void pump(Starved starved);
    bool assign_next(Connection& connection, Starved starved);
    TimeNs next_eligible_ns() const;
    std::size_t free_connections() const { return idle_.size() - reserved_; }
    std::size_t visit_size() const { return 1 + visits_.visit().later.size(); }
    bool has_visit(TimeNs now) const;
    TimeNs visit_due_ns() const;
    bool may_retry(TimeNs now) const;
    bool may_start_visit() const;
    bool is_visit_due(TimeNs now) const;
    bool may_poll(TimeNs now) const;
    void start_visit(Connection& connection, bool waited);
    void assign(Connection& connection, const PlannedAttempt& attempt, bool waited);
    void assign_poll(Connection& connection, PolledAttempt polled);
    void watch(Connection& connection, TimeNs since);
    void queue_later_clicks(const Connection& connection, TimeNs sent_ns);
    void release_person(const Attempt& ended);
    void run_until_done();
    bool is_done() const;

    void on_claim_done(Connection& connection);
    void on_poll_done(Connection& connection);
    void poll_later(PolledAttempt polled);
    void record_front_poll();
    void end_attempt(const PlannedAttempt& planned, const Attempt& attempt,
                     std::string_view claim_id);
    bool retry_later(const PlannedAttempt& planned, Outcome outcome);
    double draw_for(UserId user, std::uint16_t number, std::uint64_t stream) const;
    ResponseReading read_answer(const Exchange& exchange);
    void record(const Attempt& attempt, std::string_view claim_id);
    void record_not_sent(const PlannedAttempt& planned);
    void tick(TimeNs now);
    void publish();
    void expire(TimeNs now);
    void hang_up(TimeNs now);
    void record_overdue_polls(TimeNs now);
    void halt(TransportError reason);
    void record_what_was_not_begun();

    const WorkerJob& job_;
    HistoryWriter& history_;
    HistoryWriter::Lane lane_;
    std::unique_ptr<StormRecorder> recorder_;
    std::unique_ptr<UserReader> users_;
    EventLoop loop_;
    std::unique_ptr<Transport> transport_;
    std::vector<std::unique_ptr<Connection>> connections_;
    Clock::time_point release_;

    Phase phase_ = Phase::opening;
    std::size_t next_to_prepare_ = 0;
    std::size_t prepared_ = 0;
    std::string prepare_error_;
    std::string_view prepare_hint_ = "is the service running there?";

    Plan::Cursor visits_;  // at this worker's next visit
    const ClosedLoop* closed_loop_ = nullptr;
    using FollowUps = std::priority_queue<FollowUp, std::vector<FollowUp>, std::greater<>>;
    FollowUps clicks_;   // connections are kept for them
    FollowUps retries_;  // these take what is free
    PollQueue polls_;
    bool visits_turn_ = false;         // a first attempt that is due goes before the next poll
    std::deque<Connection*> idle_;     // the longest idle in front
    std::vector<Connection*> loaded_;  // their requests are rendered: they go out at the release
    /// Of a closed loop: when each person who is not claiming will claim next.
    std::priority_queue<TimeNs, std::vector<TimeNs>, std::greater<>> people_;
    std::deque<Deadline> deadlines_;
    std::deque<Deadline> hang_ups_;
    std::size_t in_flight_ = 0;
    std::size_t reserved_ = 0;  // idle connections kept for the later clicks under way
    TimeNs give_up_ns_ = kNever;
    TimeNs next_tick_ns_ = 0;
    TimeNs last_flush_ns_ = 0;
    std::uint64_t ended_ = 0;    // since it was published last
    std::uint64_t granted_ = 0;  // of these
    ResponseReading last_reading_;
    int last_status_ = 0;  // of the answer that it is the reading of
    std::string last_body_;
    bool halted_ = false;
};

}  // namespace claimstorm
