// Property: R_so is not empty => d + p >= S at rest: nobody was told "sold out" while stock was
// left. d counts every row, those from before the storm included.
// Strength: definite when nothing is ever released, for then what is left at rest was left when the
// answer was given. Units may have been held at that moment and come back since:
//   - rows of the baseline that are gone, one unit each;
//   - attempts that were neither granted nor refused for the stock's or the user's sake (throttled,
//     rejected, pending, unknown): each may have held a unit until it failed and gave it back;
//   - granted claims without a row (a grant that repeats a row from before counts here, too).
//   Where these are fewer than the units left, some unit was free all the time: definite. Else
//   possible: the answer may have been true when it was given. A unit that a second click or a
//   refused claim held for a moment is no such excuse: it was never anybody's.
// Needs: the history, the claims query, settled stores; the backlog where one is named. A cut
// history can hide the very answers (none seen: inconclusive) or the releases (then: possible).
// Cannot see: a sold-out answer given too early and made true by the claims that came after it;
// that is the order of claims, not their number.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/by_user.h"
#include "checkers/catalog.h"
#include "checkers/released.h"
#include "checkers/sold.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "false_sold_out";

/// The attempts that were told so, and of how many users.
struct Refusals {
    std::vector<ByUser::Index> attempts;
    std::int64_t users = 0;
};

Refusals find_refusals(const Evidence& evidence) {
    Refusals refusals;
    std::vector<bool> seen(evidence.users.size(), false);
    ByUser::Index at = 0;
    for (const Attempt& attempt : evidence.history.attempts) {
        if (attempt.outcome == Outcome::sold_out) {
            refusals.attempts.push_back(at);
            refusals.users += seen.at(attempt.user) ? 0 : 1;
            seen[attempt.user] = true;
        }
        ++at;
    }
    return refusals;
}

/// How many units may have been somebody's for a while and come back: an upper bound.
std::int64_t units_released(const Evidence& evidence) {
    return count_holders(evidence.history, kNever) + count_rows_gone(evidence);
}

/// The answers that came first: the first of them dates the beginning.
void add_witnesses(const Evidence& evidence, std::vector<ByUser::Index>& refused, std::int64_t left,
                   Finding& finding) {
    const auto& attempts = evidence.history.attempts;
    const std::size_t kept = std::min(refused.size(), kWitnessesKept);
    const auto end = refused.begin() + static_cast<std::ptrdiff_t>(kept);
    std::partial_sort(refused.begin(), end, refused.end(), [&](ByUser::Index a, ByUser::Index b) {
        return std::pair(attempts[a].done_ns, a) < std::pair(attempts[b].done_ns, b);
    });
    for (auto at = refused.begin(); at != end; ++at) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(attempts[*at].user);
            witness.attempts = {*at};
            witness.what =
                fmt::format("{} was told sold_out (attempt {}), and {} left", witness.user, *at,
                            left == 1 ? "1 is" : with_commas(left) + " are");
            return witness;
        });
    }
    finding.witness_count = refused.size();
}

}  // namespace

Finding check_false_sold_out(const Evidence& evidence) {
    if (auto finding = unless_recorded(kName, evidence)) return *finding;
    if (auto finding = unless_sold_is_known(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const Sold sold = sold_at_rest(evidence);
    const std::int64_t left = std::max<std::int64_t>(0, stock - sold.units());
    Refusals refusals = find_refusals(evidence);
    const auto answers = static_cast<std::int64_t>(refusals.attempts.size());
    const bool cut = !evidence.history.missing_tail.empty();
    std::int64_t released = 0;

    const std::string state =
        fmt::format("{} told sold_out; {} for a stock of {}", counted(refusals.users, "user"),
                    in_words(sold), with_commas(stock));
    Finding finding;
    if (left == 0) {
        finding = holds(kName, state);
    } else if (answers == 0) {
        finding = unless_history_is_cut(evidence, holds(kName, "nobody was told sold_out"));
    } else {
        released = units_released(evidence);
        finding = violated(kName, fmt::format("{}: {} left", state, with_commas(left)));
        if (released >= left) {
            finding.summary += fmt::format("; {} may have been held at the time and come back",
                                           with_commas(released));
        }
        finding.summary += but_history_is_cut(evidence);
        if (released >= left || cut) finding.strength = Strength::possible;
        add_witnesses(evidence, refusals.attempts, left, finding);
    }
    finding.figures = {{"stock", stock},
                       {"rows", sold.rows},
                       {"left", left},
                       {"sold_out_answers", answers},
                       {"users", refusals.users},
                       {"may_be_released", released}};
    if (evidence.after.backlog.is_read()) finding.figures.push_back({"backlog", sold.queued});
    return finding;
}

}  // namespace claimstorm
