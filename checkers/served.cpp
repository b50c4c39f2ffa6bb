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

}  // namespace

std::vector<Unanswered> find_unanswered(const Evidence& evidence) {
    std::vector<Unanswered> unanswered(evidence.users.size());
    ByUser::Index at = 0;
    for (const Attempt& attempt : evidence.history.attempts) {
        Unanswered& known = unanswered.at(attempt.user);
        if (is_indeterminate(attempt.outcome) && attempt.sent_ns < known.began) {
            known = {attempt.sent_ns, at};
        }
        ++at;
    }
    return unanswered;
}

std::vector<Served> claims_told(const Evidence& evidence) {
    const ByUser grants = grants_by_user(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    const std::vector<Unanswered> unanswered = find_unanswered(evidence);
    std::vector<Served> served;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        if (granted.empty() || !old_rows.of(user).empty()) continue;
        add_promises(evidence, granted, unanswered[user].began, served);
    }
    return served;
}

}  // namespace claimstorm
