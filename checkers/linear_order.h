#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "checkers/by_user.h"
#include "checkers/user_parts.h"
#include "model/evidence.h"

namespace claimstorm {

/// Whether there is an order of the attempts, each taking effect at one instant within its closed
/// interval, that a counter of `stock` units with unique users would have answered so.
struct OrderQuestion {
    const History& history;
    UserPartList users;      ///< those who began with nothing
    std::int64_t stock = 0;  ///< what was left when the history began
    bool duplicates_first = false;
    bool tickets_are_ranks = false;  ///< ticket n is the n-th claim of all
};

/// The question that a history asks, for campaigns of one claim a user. Users with rows from before
/// the storm are left out, and so is their share of the stock.
OrderQuestion order_question(const Evidence& evidence);

/// What an attempt without a grant or a refusal may have done.
enum class Failed : std::uint8_t {
    /// Unanswered: took a unit for good at some instant, or nothing. Throttled, rejected: nothing.
    keeps_or_nothing,
    /// It may also have held a unit for a while and given it back, at any time after it began.
    may_give_back,
};

/// Why there is no such order.
struct OrderBreak {
    enum class Why : std::uint8_t {
        two_claims,             ///< one user was granted two claims
        too_many,               ///< more users have a claim than there was stock
        unexplained_duplicate,  ///< told already_claimed before any claim of theirs began
        refused_holder,         ///< told sold_out, where duplicates come first, with a claim
        late,                   ///< began after a sold_out had been told, and has a claim
        too_few,                ///< told sold_out when fewer than all can have been taken
        ticket_outside,         ///< a number beyond the stock, or held by two users
        ticket_order,           ///< began after a higher number had been told
        ticket_missing,         ///< nobody can hold a number below one that was told
    };
    struct Pair {
        ByUser::Index attempt = kNoAttempt;
        ByUser::Index against = kNoAttempt;  ///< the attempt it cannot be reconciled with
    };

    Why why = Why::two_claims;
    std::vector<Pair> pairs;  ///< each of them is impossible
    std::int64_t number = 0;  ///< too_few: units that can have been taken; ticket_missing: which
};

/// Polynomial: O(n log n). `keeps_or_nothing` is decided exactly, but for two liberties, both on
/// the side of "possible": with tickets, users who have a claim and were never granted one may be
/// given any free rank. `may_give_back` is exact without tickets and without `duplicates_first`,
/// and else on the side of "possible" as well. Works since each claim may take effect when its
/// first attempt begins, so that one instant, the end of the first sold_out, separates claims from
/// refusals.
std::optional<OrderBreak> find_break(const OrderQuestion& question, Failed failed);

/// How many users have a claim, whoever else may: granted, or told already_claimed.
std::int64_t count_claimed(const OrderQuestion& question);

/// How many users were granted a claim. All others who have one know it by already_claimed alone.
std::int64_t count_granted(const OrderQuestion& question);

/// The sold_out answer that was complete first; kNoAttempt for none.
ByUser::Index first_sold_out(const History& history);

}  // namespace claimstorm
