#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "model/history.h"
#include "storm/outcome_rules.h"
#include "storm/plan.h"
#include "storm/request_template.h"
#include "storm/spec.h"

namespace claimstorm {

/// Why the endpoint's poll could never go out (nothing is ever pending, an id it mentions is never
/// known, its time is over before its turn); empty when it can, or when there is none.
std::string poll_problem(const EndpointSpec& endpoint);

/// The id that a poll needs and the answer to the claim does not carry, "claim id" or "poll id";
/// empty when it can be asked after.
std::string_view id_missing(const IdsNeeded& needed, std::string_view claim_id,
                            std::string_view poll_id);

/// An attempt that was answered `pending` and is asked after.
struct PolledAttempt {
    Attempt attempt;  ///< what is recorded if no poll ever tells more: pending, as answered first
    std::string claim_id;
    std::string poll_id;  ///< of the answer to the claim
    TimeNs until_ns = 0;  ///< when asking ends
    PlannedAttempt planned = {};
};

/// Takes the answer to a poll. True when it ends the attempt, which then has its outcome, its
/// numbers and its end from it, and its claim id if it carries one; when the claim was sent and
/// first answered stays. False, and nothing is changed, for an answer that leaves the claim's fate
/// open: `pending`, `unknown` (a 5xx, no rule fits), and `throttled`, which speaks of the poll: the
/// claim was let in.
bool settle_by_poll(PolledAttempt& polled, const ResponseReading& reading, int http_status,
                    TimeNs done_ns);

/// The attempts whose next poll is not out yet. Whoever waits holds no connection. Every poll is
/// due equally long after it was queued, so that the first one queued is the first one due.
class PollQueue {
  public:
    /// `due_ns` never decreases from call to call.
    void push(TimeNs due_ns, PolledAttempt polled);
    bool empty() const noexcept { return entries_.empty(); }
    /// kNever when empty.
    TimeNs next_due_ns() const { return empty() ? kNever : entries_.front().due_ns; }
    /// Precondition of both: not empty.
    const PolledAttempt& front() const { return entries_.front().polled; }
    PolledAttempt pop();

  private:
    struct Entry {
        TimeNs due_ns;
        PolledAttempt polled;
    };
    std::deque<Entry> entries_;
};

}  // namespace claimstorm
