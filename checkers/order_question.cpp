#include <algorithm>
#include <span>

#include "checkers/by_user.h"
#include "checkers/grants.h"
#include "checkers/linear_order.h"

namespace claimstorm {
namespace {

using Index = ByUser::Index;

/// Makes `kept` the attempt at `at` if that comes before it by `time`, or at the same time and by
/// its number.
template <TimeNs Attempt::*time>
void keep_first(const AttemptList& attempts, Index at, Index& kept) {
    const bool sooner = kept == kNoAttempt || attempts[at].*time < attempts[kept].*time ||
                        (attempts[at].*time == attempts[kept].*time && at < kept);
    if (sooner) kept = at;
}

void keep_last_sent(const AttemptList& attempts, Index at, Index& kept) {
    const bool later = kept == kNoAttempt || attempts[at].sent_ns > attempts[kept].sent_ns ||
                       (attempts[at].sent_ns == attempts[kept].sent_ns && at < kept);
    if (later) kept = at;
}

/// `group` are one user's attempts.
UserPart part_of(const Evidence& evidence, std::span<const Index> group) {
    const AttemptList& attempts = evidence.history.attempts;
    UserPart part;
    Index last_id = kNoAttempt;  // granted; a group is sorted by id, those without come first
    for (const Index at : group) {
        switch (attempts[at].outcome) {
            case Outcome::granted:
                if (!TextPool::is_empty(attempts[at].claim_id)) {
                    part.two_claims |= last_id != kNoAttempt &&
                                       granted_id(evidence, at) != granted_id(evidence, last_id);
                    last_id = at;
                }
                keep_first<&Attempt::sent_ns>(attempts, at, part.granted);
                keep_first<&Attempt::done_ns>(attempts, at, part.told);
                break;
            case Outcome::already_claimed:
                keep_first<&Attempt::done_ns>(attempts, at, part.duplicate);
                break;
            case Outcome::sold_out:
                keep_last_sent(attempts, at, part.refused);
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
    return part;
}

/// Whether all who were granted something were told a ticket.
bool all_have_tickets(const Evidence& evidence, const UserPartList& parts) {
    return std::all_of(parts.begin(), parts.end(), [&](const UserPart& part) {
        return part.told == kNoAttempt || evidence.history.attempts[part.told].ticket != kNoNumber;
    });
}

}  // namespace

OrderQuestion order_question(const Evidence& evidence) {
    const Campaign& campaign = evidence.campaign;
    const ByUser attempts(evidence.history.attempts, evidence.users.size(), evidence.texts,
                          [](const Attempt&) { return true; });
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    OrderQuestion question{evidence.history, {}};
    const auto old = static_cast<std::int64_t>(old_rows.size());
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const bool had_one = !old_rows.of(user).empty();
        question.users.push_back(had_one ? UserPart{} : part_of(evidence, attempts.of(user)));
    }
    question.stock = std::max<std::int64_t>(0, campaign.stock - old);
    question.duplicates_first = campaign.duplicates_first;
    question.tickets_are_ranks = campaign.ordered_tickets && campaign.gap_free_tickets &&
                                 old == 0 && all_have_tickets(evidence, question.users);
    return question;
}

}  // namespace claimstorm
