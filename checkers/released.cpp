#include "checkers/released.h"

#include <algorithm>

#include "checkers/by_user.h"
#include "checkers/grants.h"

namespace claimstorm {

bool may_have_held_a_unit(Outcome outcome) noexcept {
    return is_indeterminate(outcome) || outcome == Outcome::throttled ||
           outcome == Outcome::rejected;
}

std::int64_t count_holders(const History& history, TimeNs until) {
    return std::count_if(
        history.attempts.begin(), history.attempts.end(), [until](const Attempt& attempt) {
            return may_have_held_a_unit(attempt.outcome) && attempt.sent_ns <= until;
        });
}

std::int64_t count_rows_gone(const Evidence& evidence) {
    const ByUser grants = grants_by_user(evidence);
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    std::int64_t gone = 0;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto now = static_cast<std::int64_t>(rows.of(user).size());
        const auto then = static_cast<std::int64_t>(old_rows.of(user).size());
        const std::int64_t promised = promises_in(evidence, grants.of(user)).least();
        gone += std::max<std::int64_t>(0, then + promised - now);
    }
    return gone;
}

}  // namespace claimstorm
