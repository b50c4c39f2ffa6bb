#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "storm/connection.h"
#include "storm/history_file.h"
#include "storm/outcome_rules.h"
#include "storm/plan.h"
#include "storm/polling.h"
#include "storm/request_template.h"
#include "storm/spec.h"
#include "storm/user_source.h"

namespace claimstorm {

/// How attempts that were answered `pending` are asked after.
struct PollJob {
    const RequestTemplate& request;
    bool needs_claim_id = false;
    bool is_head = false;
    TimeNs every_ns = 0;
    TimeNs until_ns = 0;  ///< from the claim's send
};

/// What all workers of a storm share; read-only while they run, but for the counters.
struct WorkerJob {
    const StormSpec& spec;
    const Plan& plan;
    boost::asio::ip::tcp::endpoint endpoint;
    std::string target_name;  ///< for messages: "http://127.0.0.1:3000"
    const UserSource& users;
    const RequestTemplate& claim;
    bool claim_is_head = false;
    const RequestTemplate* warm_up = nullptr;
    bool warm_up_is_head = false;
    std::optional<PollJob> poll;
    const OutcomeRules& rules;
    std::uint32_t workers = 1;
    const std::atomic<bool>& stop;               ///< set from outside: end soon, keep the history
    std::atomic<std::uint64_t>& attempts_ended;  ///< for a progress display
};

/// One thread's share of the storm: an event loop, some of the connections, and the plan's groups
/// whose position modulo the number of workers is this worker's index.
class Worker final : public ExchangeListener {
  public:
    using Clock = std::chrono::steady_clock;

    Worker(const WorkerJob& job, std::uint32_t index, HistoryWriter& history);

    /// Opens all connections and warms them up. Bounded by 15 s. Throws EnvironmentError.
    void prepare();

    /// Renders the requests that go out at the release. Called last before `fire`.
    void load();

    /// Fires this worker's share, from `release` on, until every attempt has ended. Bounded by the
    /// last due time + spec.overrun + spec.timeout.
    void fire(Clock::time_point release);

  private:
    enum class Phase : std::uint8_t { opening, warming, firing };
    /// A later click of a user, which its first attempt's send has made due.
    struct FollowUp {
        TimeNs eligible_ns;
        std::size_t planned_index;
        bool first_waited;  // then so has this one
        bool operator>(const FollowUp& other) const { return eligible_ns > other.eligible_ns; }
    };
    struct Deadline {
        TimeNs at_ns;
        Connection* connection;
        std::uint64_t serial;
    };
    struct Eligible {
        std::size_t planned_index;
        bool waited;
    };
    /// What could not be started a moment ago, for want of free connections.
    struct Starved {
        bool group = false;
        bool follow_up = false;
    };

    TimeNs now_ns() const override;
    void on_sent(Connection& connection) override;
    void on_exchange_done(Connection& connection) override;

    void run_phase(Phase phase);
    void open_or_warm(Connection& connection);
    void on_prepared(Connection& connection);
    [[noreturn]] void refuse_to_start() const;

    void pump(Starved starved);
    bool assign_next(Connection& connection, Starved starved);
    TimeNs next_eligible_ns() const;
    void skip_to_own_group();
    std::size_t free_connections() const { return idle_.size() - reserved_; }
    bool may_start_group() const;
    bool is_group_due(TimeNs now) const;
    bool may_poll(TimeNs now) const;
    void start_group();
    void assign(Connection& connection, const Eligible& next);
    void assign_poll(Connection& connection, PolledAttempt polled);
    void watch(Connection& connection, TimeNs since);
    void queue_follow_ups(const Connection& connection, TimeNs sent_ns);
    void set_due_timer();
    void on_claim_done(Connection& connection);
    void on_poll_done(Connection& connection);
    void poll_later(PolledAttempt polled);
    void record_front_poll();
    ResponseReading read_answer(const Exchange& exchange);
    void record(const Attempt& attempt, std::string_view claim_id);
    void record_not_sent(std::size_t planned_index);
    void tick();
    void expire(TimeNs now);
    void record_overdue_polls(TimeNs now);
    void halt(TransportError reason);
    void stop_if_done();

    const WorkerJob& job_;
    std::uint32_t index_;
    HistoryWriter& history_;
    HistoryWriter::Lane lane_;
    std::unique_ptr<UserReader> users_;
    boost::asio::io_context io_{1};
    std::vector<std::unique_ptr<Connection>> connections_;
    boost::asio::steady_timer due_timer_;
    boost::asio::steady_timer tick_timer_;
    Clock::time_point release_;

    Phase phase_ = Phase::opening;
    std::size_t next_to_prepare_ = 0;
    std::size_t prepared_ = 0;
    std::string prepare_error_;

    std::size_t group_cursor_ = 0;  // index into the plan of this worker's next group
    std::size_t group_size_ = 0;    // how many attempts that group has
    std::size_t groups_seen_ = 0;
    std::priority_queue<FollowUp, std::vector<FollowUp>, std::greater<>> follow_ups_;
    PollQueue polls_;
    bool groups_turn_ = false;         // a first attempt that is due goes before the next poll
    std::deque<Connection*> idle_;     // the longest idle in front
    std::vector<Connection*> loaded_;  // their requests are rendered: they go out at the release
    std::deque<Deadline> deadlines_;
    std::size_t in_flight_ = 0;
    std::size_t reserved_ = 0;  // idle connections kept for the later clicks under way
    TimeNs due_timer_set_for_ = kNever;
    TimeNs give_up_ns_ = kNever;
    TimeNs last_flush_ns_ = 0;
    bool halted_ = false;
};

}  // namespace claimstorm
