#include "checkers/linear_order.h"

#include <algorithm>
#include <span>
#include <tuple>

#include "checkers/released.h"

namespace claimstorm {
namespace {

using Index = ByUser::Index;
using Why = OrderBreak::Why;

/// One question under one model of failed attempts.
class Order {
  public:
    Order(const OrderQuestion& question, Failed failed)
        : question_(question),
          attempts_(question.history.attempts),
          gives_back_(failed == Failed::may_give_back),
          sold_out_(first_sold_out(question.history)) {}

    std::optional<OrderBreak> find() const {
        if (auto found = two_claims()) return found;
        if (auto found = too_many()) return found;
        if (auto found = unexplained_duplicate()) return found;
        if (auto found = refused_holder()) return found;
        if (sold_out_ != kNoAttempt) {
            if (auto found = gives_back_ ? sold_out_too_early() : late_or_too_few()) return found;
        }
        if (question_.tickets_are_ranks) return out_of_rank();
        return std::nullopt;
    }

  private:
    TimeNs sent(Index at) const { return at == kNoAttempt ? kNever : attempts_[at].sent_ns; }
    TimeNs done(Index at) const { return at == kNoAttempt ? kNever : attempts_[at].done_ns; }

    /// The attempt with which a user's claim may have begun; an answer "granted" may repeat that of
    /// an attempt whose own answer was lost.
    Index beginning(const UserPart& user) const {
        return sent(user.unanswered) < sent(user.granted) ? user.unanswered : user.granted;
    }
    /// Users who certainly have a claim. A claim that was given back may have been the reason for
    /// an "already_claimed".
    bool has_claim(const UserPart& user) const {
        return user.granted != kNoAttempt || (!gives_back_ && user.duplicate != kNoAttempt);
    }
    /// Users who may have one nobody was told of.
    bool may_have_claim(const UserPart& user) const {
        return user.unanswered != kNoAttempt && !has_claim(user) &&
               !(question_.duplicates_first && user.refused != kNoAttempt);
    }

    std::optional<OrderBreak> two_claims() const {
        OrderBreak found{Why::two_claims, {}, 0};
        for (const UserPart& user : question_.users) {
            if (user.two_claims) found.pairs.push_back({user.granted, kNoAttempt});
        }
        return unless_empty(std::move(found));
    }

    std::optional<OrderBreak> too_many() const {
        std::vector<Index> claims;
        for (const UserPart& user : question_.users) {
            if (!has_claim(user)) continue;
            claims.push_back(user.granted != kNoAttempt ? user.granted : user.duplicate);
        }
        const auto stock = static_cast<std::size_t>(question_.stock);
        if (claims.size() <= stock) return std::nullopt;
        std::sort(claims.begin(), claims.end(), [&](Index left, Index right) {
            return std::tuple(done(left), left) < std::tuple(done(right), right);
        });
        OrderBreak found{Why::too_many, {}, 0};
        for (const Index at : std::span(claims).subspan(stock)) {
            found.pairs.push_back({at, kNoAttempt});
        }
        return found;
    }

    std::optional<OrderBreak> unexplained_duplicate() const {
        OrderBreak found{Why::unexplained_duplicate, {}, 0};
        for (const UserPart& user : question_.users) {
            if (user.duplicate == kNoAttempt) continue;
            TimeNs began = sent(beginning(user));
            if (gives_back_) began = std::min(began, sent(user.failed));
            if (began == kNever || began > done(user.duplicate)) {
                found.pairs.push_back({user.duplicate, beginning(user)});
            }
        }
        return unless_empty(std::move(found));
    }

    std::optional<OrderBreak> refused_holder() const {
        OrderBreak found{Why::refused_holder, {}, 0};
        if (!question_.duplicates_first) return std::nullopt;
        for (const UserPart& user : question_.users) {
            if (user.refused == kNoAttempt) continue;
            const Index told = user.told != kNoAttempt ? user.told : user.duplicate;
            if (told == kNoAttempt) continue;
            // Where units come back, only a claim that was known to stand rules a refusal out.
            const bool stood = user.told != kNoAttempt && done(user.told) < sent(user.refused);
            if (!gives_back_ || stood) found.pairs.push_back({user.refused, told});
        }
        return unless_empty(std::move(found));
    }

    /// Nothing comes back: once somebody was told sold_out, all units have gone for good.
    std::optional<OrderBreak> late_or_too_few() const {
        OrderBreak late{Why::late, {}, 0};
        std::int64_t taken = 0;
        for (const UserPart& user : question_.users) {
            if (has_claim(user)) {
                ++taken;
                if (sent(beginning(user)) > done(sold_out_)) {
                    late.pairs.push_back({beginning(user), sold_out_});
                }
            } else if (may_have_claim(user) && sent(user.unanswered) <= done(sold_out_)) {
                ++taken;
            }
        }
        if (!late.pairs.empty()) return late;
        if (taken >= question_.stock) return std::nullopt;
        return OrderBreak{Why::too_few, {{sold_out_, kNoAttempt}}, taken};
    }

    /// All units must have been taken or held by some instant before the end of the first sold_out.
    std::optional<OrderBreak> sold_out_too_early() const {
        OrderBreak late{Why::late, {}, 0};
        std::int64_t taken = count_holders(question_.history, done(sold_out_));
        for (const UserPart& user : question_.users) {
            if (user.granted == kNoAttempt) continue;
            if (sent(user.granted) <= done(sold_out_)) {
                ++taken;
            } else {
                late.pairs.push_back({user.granted, sold_out_});
            }
        }
        if (taken >= question_.stock) return std::nullopt;
        if (!late.pairs.empty()) return late;
        return OrderBreak{Why::too_few, {{sold_out_, kNoAttempt}}, taken};
    }

    struct Ranked {
        std::int64_t ticket = 0;
        Index began = kNoAttempt;
        Index told = kNoAttempt;
        Index named = kNoAttempt;  // whose answer carried the ticket
    };

    /// By ticket, the highest first.
    std::vector<Ranked> ranked() const {
        std::vector<Ranked> ranked;
        for (const UserPart& user : question_.users) {
            if (user.granted == kNoAttempt) continue;
            const Index told = done(user.duplicate) < done(user.told) ? user.duplicate : user.told;
            ranked.push_back({attempts_[user.told].ticket, beginning(user), told, user.told});
        }
        std::sort(ranked.begin(), ranked.end(), [](const Ranked& left, const Ranked& right) {
            return std::tuple(-left.ticket, left.began) < std::tuple(-right.ticket, right.began);
        });
        return ranked;
    }

    /// When the attempts began that may hold a ticket nobody was told of, the earliest first.
    std::vector<TimeNs> free_beginnings() const {
        std::vector<TimeNs> began;
        if (gives_back_) {
            for (const Attempt& attempt : attempts_) {
                if (may_have_held_a_unit(attempt.outcome)) began.push_back(attempt.sent_ns);
            }
        } else {
            for (const UserPart& user : question_.users) {
                const bool may_hold =
                    may_have_claim(user) || (has_claim(user) && user.granted == kNoAttempt);
                if (may_hold) began.push_back(sent(user.unanswered));
            }
        }
        std::sort(began.begin(), began.end());
        return began;
    }

    /// From the highest ticket down, each claim must have begun by the time the first of those
    /// above was told; so must whoever holds a missing number.
    std::optional<OrderBreak> out_of_rank() const {
        const std::vector<Ranked> claims = ranked();
        if (auto found = outside_or_twice(claims)) return found;
        const std::vector<TimeNs> free = free_beginnings();
        OrderBreak found{Why::ticket_order, {}, 0};
        std::vector<std::pair<TimeNs, std::int64_t>> missing;  // must have begun by, ticket
        Index first_told = sold_out_;
        // Numbers above the highest one told are no matter of ranks: somebody takes each of them
        // before sold_out is told, which was asked before.
        std::int64_t next = 0;
        const auto miss_down_to = [&](std::int64_t ticket) {
            for (; next > ticket && missing.size() <= free.size(); --next) {
                missing.emplace_back(done(first_told), next);
            }
        };
        for (const Ranked& claim : claims) {
            miss_down_to(claim.ticket);
            next = claim.ticket - 1;
            if (sent(claim.began) > done(first_told)) {
                found.pairs.push_back({claim.began, first_told});
            }
            if (done(claim.told) < done(first_told)) first_told = claim.told;
        }
        miss_down_to(0);
        if (!found.pairs.empty()) return found;
        // The tightest deadline was found last and needs the earliest beginning.
        for (std::size_t i = 0; i < missing.size(); ++i) {
            const auto& [deadline, ticket] = missing[missing.size() - 1 - i];
            if (i < free.size() && free[i] <= deadline) continue;
            return OrderBreak{Why::ticket_missing, {}, ticket};
        }
        return std::nullopt;
    }

    std::optional<OrderBreak> outside_or_twice(const std::vector<Ranked>& claims) const {
        OrderBreak found{Why::ticket_outside, {}, 0};
        for (std::size_t i = 0; i < claims.size(); ++i) {
            const bool twice = i > 0 && claims[i].ticket == claims[i - 1].ticket;
            if (twice || claims[i].ticket < 1 || claims[i].ticket > question_.stock) {
                found.pairs.push_back({claims[i].named, twice ? claims[i - 1].named : kNoAttempt});
            }
        }
        return unless_empty(std::move(found));
    }

    static std::optional<OrderBreak> unless_empty(OrderBreak found) {
        if (found.pairs.empty()) return std::nullopt;
        return found;
    }

    const OrderQuestion& question_;
    const AttemptList& attempts_;
    bool gives_back_;
    Index sold_out_;  // the one told first
};

}  // namespace

Index first_sold_out(const History& history) {
    Index first = kNoAttempt;
    Index at = 0;
    for (const Attempt& attempt : history.attempts) {
        if (attempt.outcome == Outcome::sold_out &&
            (first == kNoAttempt || attempt.done_ns < history.attempts[first].done_ns)) {
            first = at;
        }
        ++at;
    }
    return first;
}

std::int64_t count_claimed(const OrderQuestion& question) {
    return std::count_if(question.users.begin(), question.users.end(), [](const UserPart& user) {
        return user.granted != kNoAttempt || user.duplicate != kNoAttempt;
    });
}

std::int64_t count_granted(const OrderQuestion& question) {
    return std::count_if(question.users.begin(), question.users.end(),
                         [](const UserPart& user) { return user.granted != kNoAttempt; });
}

std::optional<OrderBreak> find_break(const OrderQuestion& question, Failed failed) {
    return Order(question, failed).find();
}

}  // namespace claimstorm
