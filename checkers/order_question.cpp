#include <algorithm>

#include "checkers/by_user.h"
#include "checkers/grants.h"
#include "checkers/linear_order.h"

namespace claimstorm {
namespace {

using Index = ByUser::Index;

/// Makes `kept` the attempt at `at` if that comes before it by `time`.
template <TimeNs Attempt::*time>
void keep_first(const AttemptList& attempts, Index at, Index& kept) {
    if (kept == kNoAttempt || attempts[at].*time < attempts[kept].*time) kept = at;
}

std::vector<UserPart> parts_of(const Evidence& evidence) {
    const auto& attempts = evidence.history.attempts;
    std::vector<UserPart> parts(evidence.users.size());
    for (Index at = 0; at < attempts.size(); ++at) {
        UserPart& part = parts.at(attempts[at].user);
        switch (attempts[at].outcome) {
            case Outcome::granted:
                keep_first<&Attempt::sent_ns>(attempts, at, part.granted);
                keep_first<&Attempt::done_ns>(attempts, at, part.told);
                break;
            case Outcome::already_claimed:
                keep_first<&Attempt::done_ns>(attempts, at, part.duplicate);
                break;
            case Outcome::sold_out:
                if (part.refused == kNoAttempt ||
                    attempts[at].sent_ns > attempts[part.refused].sent_ns) {
                    part.refused = at;
                }
                break;
            case Outcome::unknown:
            case Outcome::pending:
                keep_first<&Attempt::sent_ns>(attempts, at, part.unanswered);
                break;
            case Outcome::throttled:
            case Outcome::rejected:
                keep_first<&Attempt::sent_ns>(attempts, at, part.failed);
                break;
            case Outcome::not_sent:
                break;
        }
    }
    return parts;
}

/// Whether all who were granted something were told a ticket.
bool all_have_tickets(const Evidence& evidence, const std::vector<UserPart>& parts) {
    return std::all_of(parts.begin(), parts.end(), [&](const UserPart& part) {
        return part.told == kNoAttempt || evidence.history.attempts[part.told].ticket != kNoNumber;
    });
}

}  // namespace

OrderQuestion order_question(const Evidence& evidence) {
    const Campaign& campaign = evidence.campaign;
    const ByUser grants = grants_by_user(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    OrderQuestion question{evidence.history, parts_of(evidence)};
    const auto old = static_cast<std::int64_t>(old_rows.size());
    for (UserId user = 0; user < question.users.size(); ++user) {
        UserPart& part = question.users[user];
        if (!old_rows.of(user).empty()) {
            part = {};
        } else {
            part.two_claims = promises_in(evidence, grants.of(user)).with_id > 1;
        }
    }
    question.stock = std::max<std::int64_t>(0, campaign.stock - old);
    question.duplicates_first = campaign.duplicates_first;
    question.tickets_are_ranks = campaign.ordered_tickets && campaign.gap_free_tickets &&
                                 old == 0 && all_have_tickets(evidence, question.users);
    return question;
}

}  // namespace claimstorm
