#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/history.h"
#include "storm/random.h"
#include "storm/spec.h"

namespace claimstorm {

/// One attempt as planned.
struct PlannedAttempt {
    TimeNs due_ns = 0;
    UserId user = 0;
    std::uint16_t number = 1;      ///< of the user's attempts; no two have the same
    std::uint16_t key = 1;         ///< the number of the attempt whose idempotency key it carries
    std::uint16_t campaign = 0;    ///< 0: the one that is judged; k: `other_campaigns[k - 1]`
    std::uint16_t tries_left = 0;  ///< how often it may be tried again
    bool hangs_up = false;
};

/// A user's visit: a first click, and the later ones of a double click. Those are sent as long
/// after the first was really sent as they are due after it, so that a double click stays a double
/// click even when the first had to wait for a free connection.
struct PlannedVisit {
    PlannedAttempt first;
    std::vector<PlannedAttempt> later = {};  ///< ascending in `due_ns`

    TimeNs last_due_ns() const noexcept {
        return later.empty() ? first.due_ns : later.back().due_ns;
    }
};

/// All visits of a storm, in the order in which they are due: a pure function of the spec and the
/// seed, the same on every machine. Holds some 4 bytes a visit; the attempts are made as they are
/// asked for.
class Plan {
  public:
    /// Throws UsageError for stages too short for the users, and for a run that cannot be replayed.
    Plan(const StormSpec& spec, std::uint64_t seed);

    /// A plan written down: these visits, in the order of their due times.
    Plan(const StormSpec& spec, std::vector<PlannedVisit> visits);

    /// How many attempts are planned. A retry is not: it depends on the answers. A closed loop with
    /// a duration may end before all of them.
    std::uint64_t attempts() const noexcept { return attempts_; }
    /// No attempt is due later: when the last visit of all is due, and as long again as its double
    /// click may take. A closed loop's attempts are due when their turn has come: 0.
    TimeNs last_due_ns() const noexcept { return last_due_ns_; }
    const StormSpec& spec() const noexcept { return spec_; }

    /// Walks over every `stride`-th visit, from `offset` on: a worker's share.
    class Cursor {
      public:
        Cursor(const Plan& plan, std::size_t offset, std::size_t stride);
        bool at_end() const noexcept { return at_end_; }
        /// Precondition: not at the end.
        const PlannedVisit& visit() const noexcept { return visit_; }
        void next();

      private:
        void make_visit(TimeNs due_ns);

        const Plan* plan_;
        std::size_t stride_;
        std::size_t position_ = 0;  // of the visit that is looked for next
        std::size_t wanted_;        // the next position of this cursor's share
        bool at_end_ = false;
        Random clicks_;
        Random arrivals_;
        Random campaigns_;
        TimeNs due_ns_ = 0;
        PlannedVisit visit_;
    };

  private:
    struct Recorded {
        TimeNs due_ns;
        UserId user;
        std::uint16_t number;
    };

    TimeNs due_of(std::size_t position, TimeNs previous, Random& arrivals) const;
    void require_numbers() const;
    void require_span() const;
    void order_visits();
    void draw_later_clicks();
    void draw_shares();
    void find_last_due();
    void load_recorded(const std::string& run);

    StormSpec spec_;
    std::uint64_t seed_;
    std::size_t visits_ = 0;
    std::vector<std::uint32_t> order_;     // empty: in the order of the users
    std::vector<bool> clicks_again_;       // by user
    std::vector<bool> hangs_up_;           // by user
    std::vector<double> campaign_shares_;  // cumulative; empty: there is one
    std::vector<Recorded> recorded_;       // of a replay, by due time
    std::vector<PlannedVisit> written_;    // of a plan that was given
    Random clicks_;                        // as it stands at the first later click
    std::uint64_t attempts_ = 0;
    TimeNs last_due_ns_ = 0;
};

/// The first attempts of the plan.
std::vector<PlannedAttempt> first_attempts(const Plan& plan, std::size_t count);

/// One line an attempt, "due_ns user_index number", and the campaign behind it where there are
/// several: what the tests compare and --dry-run shows.
std::string plan_text(const Plan& plan, std::size_t lines_max);

}  // namespace claimstorm
