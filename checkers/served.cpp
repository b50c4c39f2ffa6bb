#include "checkers/served.h"

#include <algorithm>
#include <span>

#include "checkers/grants.h"

namespace claimstorm {
namespace {

/// Adds one user's distinct promises. Answers without an id may repeat any of them: where there are
/// others, they only date the beginning.
void add_promises(const Evidence& evidence, std::span<const ByUser::Index> granted,
                  TimeNs unanswered, std::vector<Served>& served) {
    const std::size_t first = served.size();
    const bool some_have_ids = !granted_id(evidence, granted.back()).empty();
    TimeNs without_id = kNever;
    std::string_view last;
    for (const ByUser::Index at : granted) {
        const Attempt& attempt = evidence.history.attempts[at];
        const std::string_view id = granted_id(evidence, at);
        if (id.empty() && some_have_ids) {
            without_id = std::min(without_id, attempt.sent_ns);
            continue;
        }
        if (served.size() == first || id != last) {
            served.push_back({at, kNever, kNever, kNever, attempt.ticket});
            last = id;
        }
        Served& claim = served.back();
        if (attempt.sent_ns < claim.began) {
            claim.at = at;
            claim.began = attempt.sent_ns;
        }
        claim.told = std::min(claim.told, attempt.done_ns);
    }
    for (std::size_t i = first; i < served.size(); ++i) {
        served[i].began = std::min(served[i].began, without_id);
        served[i].may_have_begun = std::min(served[i].began, unanswered);
    }
}

/// Whether any grant was sent after `after`: only then can a claim have begun after it.
bool any_granted(const History& history, TimeNs after) {
    return std::any_of(history.attempts.begin(), history.attempts.end(),
                       [after](const Attempt& attempt) {
                           return attempt.outcome == Outcome::granted && attempt.sent_ns > after;
                       });
}

}  // namespace

Unanswered::Unanswered(const Evidence& evidence) : history_(evidence.history) {
    ByUser::Index at = 0;
    for (const Attempt& attempt : history_.attempts) {
        if (is_indeterminate(attempt.outcome)) {
            if (first_.empty()) first_.resize(evidence.users.size(), kNoAttempt);
            if (attempt.sent_ns < began(attempt.user)) first_.at(attempt.user) = at;
        }
        ++at;
    }
}

std::vector<Served> claims_told(const Evidence& evidence, const Unanswered& unanswered,
                                TimeNs after) {
    if (!any_granted(evidence.history, after)) return {};
    const ByUser grants = grants_by_user(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    std::vector<Served> served;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        if (granted.empty() || !old_rows.of(user).empty()) continue;
        const std::size_t first = served.size();
        add_promises(evidence, granted, unanswered.began(user), served);
        served.erase(
            std::remove_if(served.begin() + static_cast<std::ptrdiff_t>(first), served.end(),
                           [after](const Served& claim) { return claim.began <= after; }),
            served.end());
    }
    return served;
}

}  // namespace claimstorm
