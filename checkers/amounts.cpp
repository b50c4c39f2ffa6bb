// Property: the amounts of all rows add up to no more than the budget B; each has at least
// `min_cents`; once all S went, a campaign with `whole_budget` has spent exactly B; and what a
// client was told is what is stored for the same claim. Rows from before the storm count.
// Definite: each is arithmetic on amounts that were read. Distinct promises whose amounts alone
// exceed B suffice, whatever the stores hold.
// Needs: amounts, in the rows (column amount_cents) or in the answers (fields.amount_cents), with
// settled stores for the rows; the budget for the sums.
//   Answer and row belong together by claim id under the same user. Where not one granted id of the
//   storm occurs in the ledger, or the answer carries none, they do by user, if that user has just
//   one promise and one row.
//   An amount that a row lacks while others have one leaves the sum open: inconclusive, unless
//   something else is wrong. With a cut history nothing wrong is inconclusive.
//   Where no row carries an amount, the answers are judged by themselves. S distinct promises are
//   the whole stock. Attempts without an answer, grants without an amount, and more rows than
//   promises leave the sum open, and so do answers without an id that may be replays or too much;
//   a whole budget is open, too, where the rows are unknown and fewer than S promises were the end.
// Skipped where nothing carries an amount, as with coupons.
// Cannot see: whether the money was moved (payouts does); amounts drawn unfairly.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/cents.h"
#include "checkers/grants.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "amounts";

struct Tally {
    std::int64_t rows = 0;       // that carry an amount
    std::int64_t without = 0;    // rows that carry none
    std::int64_t below_min = 0;  // amounts below the least, in rows; without rows, in answers
    std::int64_t answers = 0;    // distinct promises that carry an amount
    std::int64_t bare = 0;       // grants that carry none and may be further promises
    std::int64_t maybe = 0;      // answers with an amount that may be replays of another promise
    std::int64_t differing = 0;  // answers whose amount is not the stored one
    CentsSum stored;             // what the rows add up to
    CentsSum promised;           // what the distinct promises add up to
    CentsSum at_most;            // and with what may be replays
};

Witness wrong_row(const Evidence& evidence, ByUser::Index at) {
    const ClaimRow& row = evidence.after.ledger->rows[at];
    Witness witness;
    witness.user = evidence.users.name(row.user);
    const std::string_view id = evidence.texts.view(row.claim_id);
    if (!id.empty()) witness.claim_ids.emplace_back(id);
    witness.what =
        fmt::format("{} holds {} over {} cents, the least is {}", witness.user,
                    id.empty() ? "a row" : fmt::format("claim {}", id),
                    with_commas(row.amount_cents), with_commas(evidence.campaign.min_cents));
    return witness;
}

Witness wrong_answer(const Evidence& evidence, ByUser::Index at, std::string_view but) {
    const Attempt& attempt = evidence.history.attempts[at];
    Witness witness;
    witness.user = evidence.users.name(attempt.user);
    const std::string_view id = granted_id(evidence, at);
    if (!id.empty()) witness.claim_ids.emplace_back(id);
    witness.attempts = {at};
    witness.what = fmt::format("{} was told {} cents{} (attempt {}), {}", witness.user,
                               with_commas(attempt.amount_cents),
                               id.empty() ? "" : fmt::format(" for claim {}", id), at, but);
    return witness;
}

void tally_rows(const Evidence& evidence, Tally& tally, Finding& finding) {
    const auto& rows = evidence.after.ledger->rows;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (rows[at].amount_cents == kNoNumber) {
            ++tally.without;
            continue;
        }
        ++tally.rows;
        tally.stored.add(rows[at].amount_cents);
        if (rows[at].amount_cents >= evidence.campaign.min_cents) continue;
        ++tally.below_min;
        finding.add_witness([&] { return wrong_row(evidence, static_cast<ByUser::Index>(at)); });
    }
}

bool any_amount_told(const History& history) {
    return std::any_of(history.attempts.begin(), history.attempts.end(),
                       [](const Attempt& attempt) { return attempt.amount_cents != kNoNumber; });
}

/// Counts one user's answers without an id but for the one that stands for a promise.
void tally_maybe_replays(const Evidence& evidence, std::span<const ByUser::Index> granted,
                         Tally& tally) {
    const bool some_have_ids = !granted_id(evidence, granted.back()).empty();
    for (const ByUser::Index at : granted.subspan(some_have_ids ? 0 : 1)) {
        if (!granted_id(evidence, at).empty()) return;
        const std::int64_t amount = evidence.history.attempts[at].amount_cents;
        if (amount == kNoNumber) {
            ++tally.bare;
        } else {
            ++tally.maybe;
            tally.at_most.add(amount);
        }
    }
}

/// Adds up each distinct promise; without rows, the least amount is asked of them instead.
void tally_answers(const Evidence& evidence, const ByUser& grants, bool judge_least, Tally& tally,
                   Finding& finding) {
    std::vector<ByUser::Index> firsts;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        if (grants.of(user).empty()) continue;
        firsts.clear();
        add_distinct(evidence, grants.of(user), firsts);
        tally_maybe_replays(evidence, grants.of(user), tally);
        for (const ByUser::Index at : firsts) {
            const std::int64_t amount = evidence.history.attempts[at].amount_cents;
            if (amount == kNoNumber) {
                ++tally.bare;
                continue;
            }
            ++tally.answers;
            tally.promised.add(amount);
            tally.at_most.add(amount);
            if (!judge_least || amount >= evidence.campaign.min_cents) continue;
            ++tally.below_min;
            finding.add_witness([&] {
                return wrong_answer(
                    evidence, at,
                    fmt::format("the least is {}", with_commas(evidence.campaign.min_cents)));
            });
        }
    }
}

/// Calls `pair(attempt, row)` for the granted answers of one user and the row of the same claim id.
template <typename Pair>
void pair_by_id(const Evidence& evidence, std::span<const ByUser::Index> granted,
                std::span<const ByUser::Index> stored, Pair&& pair) {
    auto row = stored.begin();
    for (const ByUser::Index at : granted) {
        const std::string_view id = granted_id(evidence, at);
        if (id.empty()) continue;
        while (row != stored.end() && row_id(evidence, evidence.after.ledger, *row) < id) ++row;
        if (row == stored.end()) return;
        if (row_id(evidence, evidence.after.ledger, *row) == id) pair(at, *row);
    }
}

void compare_answers(const Evidence& evidence, const ByUser& grants, Tally& tally,
                     Finding& finding) {
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    bool same_kind = false;
    for (UserId user = 0; user < evidence.users.size() && !same_kind; ++user) {
        pair_by_id(evidence, grants.of(user), rows.of(user), [&](auto, auto) { same_kind = true; });
    }
    const auto compare = [&](ByUser::Index at, ByUser::Index row) {
        const std::int64_t told = evidence.history.attempts[at].amount_cents;
        const std::int64_t stored = evidence.after.ledger->rows[row].amount_cents;
        if (told == kNoNumber || stored == kNoNumber || told == stored) return;
        ++tally.differing;
        finding.add_witness([&] {
            return wrong_answer(evidence, at, fmt::format("stored are {}", with_commas(stored)));
        });
    };
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        const auto stored = rows.of(user);
        pair_by_id(evidence, granted, stored, compare);
        if (stored.size() != 1 || promises_in(evidence, granted).least() != 1) continue;
        for (const ByUser::Index at : granted) {
            const bool by_id = same_kind && !granted_id(evidence, at).empty();
            if (!by_id) compare(at, stored.front());
        }
    }
}

Witness sum_witness(std::string_view what, std::int64_t sum, std::int64_t budget) {
    Witness witness;
    witness.key = "amount_cents";
    witness.what = fmt::format("{} add up to {} cents, the budget is {}", what, with_commas(sum),
                               with_commas(budget));
    return witness;
}

/// Why the answers, where no row carries an amount, do not tell what was given in all; empty when
/// they do.
std::string why_answers_are_open(const Evidence& evidence, const Tally& tally) {
    const Campaign& campaign = evidence.campaign;
    std::vector<std::string> why;
    const std::int64_t silent = count_indeterminate(evidence.history);
    if (silent > 0) why.push_back(counted(silent, "attempt") + " without an answer");
    if (tally.bare > 0) why.push_back(counted(tally.bare, "grant") + " without an amount");
    if (tally.without > tally.answers) {
        why.push_back(fmt::format("{} for {}", counted(tally.without, "row"),
                                  counted(tally.answers, "promise")));
    }
    const bool may_exceed = campaign.budget_cents && tally.at_most.value() > *campaign.budget_cents;
    if (tally.maybe > 0 && (may_exceed || campaign.whole_budget)) {
        why.push_back(counted(tally.maybe, "grant") + " without a claim id that may be a replay");
    }
    const auto& attempts = evidence.history.attempts;
    if (campaign.whole_budget && !evidence.after.ledger.is_read() &&
        tally.answers < campaign.stock &&
        std::any_of(attempts.begin(), attempts.end(),
                    [](const Attempt& attempt) { return attempt.outcome == Outcome::sold_out; })) {
        why.push_back(fmt::format("sold_out was told after {} for a stock of {}",
                                  counted(tally.answers, "promise"), with_commas(campaign.stock)));
    }
    return why.empty() ? "" : fmt::format("{}, and no row carries an amount", fmt::join(why, ", "));
}

/// Why the amounts that were read are not all there are; empty when they are.
std::string why_open(const Evidence& evidence, const Tally& tally) {
    if (tally.rows == 0) return why_answers_are_open(evidence, tally);
    return tally.without == 0 ? "" : counted(tally.without, "row") + " without an amount";
}

/// Whether the whole stock is known to have gone, each unit with its amount. By the answers alone
/// the promises are the stock; an end of the history that is missing may hold further ones.
bool all_went(const Evidence& evidence, const Tally& tally) {
    if (!why_open(evidence, tally).empty()) return false;
    if (tally.rows > 0) return tally.rows >= evidence.campaign.stock;
    return tally.answers >= evidence.campaign.stock && evidence.history.missing_tail.empty();
}

/// The sums that break the budget, in words; adds their witnesses. `all_went`: the whole budget is
/// due, if the campaign promises it.
std::vector<std::string> broken_sums(const Evidence& evidence, const Tally& tally, bool all_went,
                                     std::int64_t& over, std::int64_t& unspent, Finding& finding) {
    std::vector<std::string> parts;
    const auto& budget = evidence.campaign.budget_cents;
    if (!budget) return parts;
    const std::int64_t beyond = difference_in_cents(tally.stored.value(), *budget);
    const std::int64_t promised = difference_in_cents(tally.promised.value(), *budget);
    over = std::max({std::int64_t{0}, beyond, promised});
    if (beyond > 0) {
        parts.push_back(fmt::format("the rows exceed the budget by {} cents", with_commas(beyond)));
        finding.add_witness([&] { return sum_witness("the rows", tally.stored.value(), *budget); });
    }
    if (promised > 0) {
        parts.push_back(
            fmt::format("the promises exceed the budget by {} cents", with_commas(promised)));
        finding.add_witness(
            [&] { return sum_witness("the promises", tally.promised.value(), *budget); });
    }
    const bool by_rows = tally.rows > 0;
    const std::int64_t short_of =
        difference_in_cents(*budget, by_rows ? tally.stored.value() : tally.promised.value());
    if (evidence.campaign.whole_budget && all_went && short_of > 0) {
        unspent = short_of;
        parts.push_back(
            fmt::format("all went, and {} cents of the budget did not", with_commas(unspent)));
        finding.add_witness([&] {
            return by_rows ? sum_witness("the rows", tally.stored.value(), *budget)
                           : sum_witness("the promises", tally.promised.value(), *budget);
        });
    }
    return parts;
}

std::string what_was_summed(const Evidence& evidence, const Tally& tally, bool rows_judged) {
    const bool by_rows = rows_judged && tally.rows > 0;
    std::string text = by_rows ? fmt::format("{} over {} cents", counted(tally.rows, "row"),
                                             with_commas(tally.stored.value()))
                               : fmt::format("{} over {} cents", counted(tally.answers, "promise"),
                                             with_commas(tally.promised.value()));
    if (evidence.campaign.budget_cents) {
        text += fmt::format(" of a budget of {}", with_commas(*evidence.campaign.budget_cents));
    }
    return text;
}

}  // namespace

Finding check_amounts(const Evidence& evidence) {
    const std::string no_rows = why_no_rows(evidence);
    const bool rows_judged = no_rows.empty();
    const ByUser grants = any_amount_told(evidence.history) ? grants_by_user(evidence) : ByUser();
    Finding found = violated(kName, "");
    Tally tally;
    if (rows_judged) tally_rows(evidence, tally, found);
    tally_answers(evidence, grants, tally.rows == 0, tally, found);

    const bool ledger_open = evidence.after.ledger.is_named() && !rows_judged;
    if (tally.rows + tally.answers == 0) {
        // An unread ledger of a campaign without a budget would hardly have had amounts.
        if (ledger_open && evidence.campaign.budget_cents) return inconclusive(kName, no_rows);
        return skipped(kName, "neither rows nor answers carry an amount");
    }
    compare_answers(evidence, grants, tally, found);
    const bool whole_is_due = !ledger_open && all_went(evidence, tally);
    std::int64_t over = 0;
    std::int64_t unspent = 0;
    std::vector<std::string> wrong =
        broken_sums(evidence, tally, whole_is_due, over, unspent, found);
    if (tally.below_min > 0) {
        wrong.push_back(fmt::format("{} below the least of {} cents", with_commas(tally.below_min),
                                    with_commas(evidence.campaign.min_cents)));
    }
    if (tally.differing > 0) {
        wrong.push_back(fmt::format("{} told another amount than is stored",
                                    counted(tally.differing, "answer")));
    }

    const std::string summed = what_was_summed(evidence, tally, rows_judged);
    const std::string open = why_open(evidence, tally);
    Finding finding;
    if (!wrong.empty()) {
        finding = std::move(found);
        finding.summary = fmt::format("{}: {}", summed, fmt::join(wrong, "; "));
    } else if (ledger_open) {
        finding = inconclusive(kName, no_rows);
    } else if (!open.empty()) {
        finding = inconclusive(kName, fmt::format("{}, but {}", summed, open));
    } else {
        finding = holds(kName, summed);
        if (tally.rows == 0) finding.summary += ", by the answers alone";
        finding = unless_history_is_cut(evidence, std::move(finding));
    }
    finding.figures = {{"stored_cents", tally.stored.value()},
                       {"promised_cents", tally.promised.value()},
                       {"over_cents", over},
                       {"unspent_cents", unspent},
                       {"below_min", tally.below_min},
                       {"differing", tally.differing},
                       {"without_amount", tally.without}};
    if (evidence.campaign.budget_cents) {
        finding.figures.push_back({"budget_cents", *evidence.campaign.budget_cents});
    }
    return finding;
}

}  // namespace claimstorm
