// Property: at least S units wanted => d + p >= S at rest: what enough people wanted went. A user
// whom the storm really sent something for wants one unit an attempt, up to q less the rows held
// before the storm; those rows count as wanted too. A user with fewer new rows than that is a
// loser. Strength: definite when every loser's last answer was sold_out: they were sent away for
// good, and stock is left. Else possible: somebody would have got it by asking again.
//   The copy of a click is no further wish: an attempt answered already_claimed to a user who was
//   granted something or has a new row, and a grant that repeats a claim id. Grants without an id
//   may be copies: they are as many wishes as the user has new rows, and at least one.
//   "Throttled" asks the user to come again, and an attempt without an answer says nothing. Where
//   every loser ended so (or was granted: that is lost_claims' business), nobody was sent away: the
//   storm ended before the sale did, and the finding is inconclusive. So a sound service that sheds
//   load is not accused of a storm whose users did not come again; one that sends even one of them
//   away with stock left is, as possible. Where all stock went, throttling changes nothing.
//   Rejected users count as wanting: the answer does not say why. Where many are rejected by right
//   (not members, not in the region), leave this check out of the scenario's `checks`.
// Needs: the history, the claims query, settled stores; the backlog where one is named; the
// baseline for q. A cut history hides who wanted (too few seen: inconclusive) and who was refused
// last (then: possible).
// Cannot see: why the units were not sold: false_sold_out, cache_drift and tickets look there.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/sold.h"
#include "checkers/user_parts.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "undersell";

/// What one user's attempts and rows amount to: 20 bytes.
struct Account {
    std::uint32_t sent = 0;
    std::uint32_t copies = 0;  // of these, that may ask for nothing new
    std::uint32_t rows = 0;
    std::uint32_t old_rows = 0;
    std::uint32_t last = kNoAttempt;  // the attempt that was answered last, copies left out

    std::int64_t wants(std::int64_t limit) const {
        const std::int64_t wishes =
            std::max<std::int64_t>(sent - copies, std::min<std::int64_t>(sent, got()));
        return std::min(wishes, std::max<std::int64_t>(0, limit - old_rows));
    }
    std::int64_t got() const { return std::max<std::int64_t>(0, std::int64_t{rows} - old_rows); }
};

/// An attempt whose outcome nobody learned lasts for ever, whatever was answered in between.
TimeNs end_of(const Attempt& attempt) {
    return is_indeterminate(attempt.outcome) ? kNever : attempt.done_ns;
}

std::vector<Account> accounts_of(const Evidence& evidence) {
    std::vector<Account> accounts(evidence.users.size());
    for (const ClaimRow& row : evidence.after.ledger->rows) ++accounts.at(row.user).rows;
    if (evidence.before.ledger.is_read()) {
        for (const ClaimRow& row : evidence.before.ledger->rows) ++accounts.at(row.user).old_rows;
    }
    const ByUser grants = grants_by_user(evidence);
    for (UserId user = 0; user < accounts.size(); ++user) {
        const auto granted = grants.of(user);
        const std::int64_t promises = promises_in(evidence, granted).least();
        accounts[user].copies = static_cast<std::uint32_t>(std::ssize(granted) - promises);
    }
    const auto& attempts = evidence.history.attempts;
    std::uint32_t at = 0;
    for (const Attempt& attempt : attempts) {
        Account& account = accounts.at(attempt.user);
        if (attempt.outcome != Outcome::not_sent) {
            ++account.sent;
            const bool is_copy = attempt.outcome == Outcome::already_claimed &&
                                 (account.got() > 0 || !grants.of(attempt.user).empty());
            const bool later =
                account.last == kNoAttempt || end_of(attempts[account.last]) <= end_of(attempt);
            if (is_copy) {
                ++account.copies;
            } else if (later) {
                account.last = at;
            }
        }
        ++at;
    }
    return accounts;
}

struct Tally {
    std::int64_t wanted = 0;         // units, those held before the storm included
    std::int64_t losers = 0;         // users who wanted more than they got
    std::int64_t told_sold_out = 0;  // of these, by their last answer
    std::int64_t refused = 0;        // of these, refused for good: sold out or another reason
    std::vector<UserId> kept;        // as many of the refused as make witnesses
};

Tally tally_users(const Evidence& evidence, const std::vector<Account>& accounts) {
    Tally tally;
    for (UserId user = 0; user < accounts.size(); ++user) {
        const Account& account = accounts[user];
        const std::int64_t wants = account.wants(evidence.campaign.per_user);
        tally.wanted += wants + account.old_rows;
        if (wants <= account.got()) continue;
        ++tally.losers;
        const Outcome last = evidence.history.attempts[account.last].outcome;
        if (last == Outcome::sold_out) ++tally.told_sold_out;
        if (last != Outcome::sold_out && last != Outcome::already_claimed &&
            last != Outcome::rejected) {
            continue;
        }
        ++tally.refused;
        if (tally.kept.size() < kWitnessesKept) tally.kept.push_back(user);
    }
    return tally;
}

void add_witnesses(const Evidence& evidence, const std::vector<Account>& accounts,
                   const Tally& tally, Finding& finding) {
    for (const UserId user : tally.kept) {
        finding.add_witness([&] {
            const Account& account = accounts[user];
            Witness witness;
            witness.user = evidence.users.name(user);
            witness.attempts = {account.last};
            witness.what = fmt::format(
                "{} got {} and was told {} (attempt {})", witness.user,
                account.got() == 0 ? "nothing" : "only " + counted(account.got(), "unit"),
                to_string(evidence.history.attempts[account.last].outcome), account.last);
            return witness;
        });
    }
    finding.witness_count = static_cast<std::uint64_t>(tally.refused);
}

/// The verdict when units are left although enough were wanted.
Finding judge_leftovers(const Evidence& evidence, const std::vector<Account>& accounts,
                        const Tally& tally, std::int64_t left, const std::string& state) {
    const std::string losers = fmt::format("{} left, {} went without", counted(left, "unit"),
                                           counted(tally.losers, "user"));
    if (tally.refused == 0) {
        return inconclusive(
            kName, fmt::format("{}: {}, but none of them was refused for good (throttled, not "
                               "answered, or granted without a row): the storm ended before the "
                               "sale",
                               state, losers));
    }
    Finding finding = violated(kName, fmt::format("{}: {}", state, losers));
    if (tally.told_sold_out == tally.losers) {
        finding.summary += ", all of them told sold_out";
    } else {
        finding.summary += fmt::format(
            "; {} were last told sold_out, {} refused for another "
            "reason, {} might yet come again",
            with_commas(tally.told_sold_out), with_commas(tally.refused - tally.told_sold_out),
            with_commas(tally.losers - tally.refused));
        finding.strength = Strength::possible;
    }
    if (!evidence.history.missing_tail.empty()) finding.strength = Strength::possible;
    finding.summary += but_history_is_cut(evidence);
    add_witnesses(evidence, accounts, tally, finding);
    return finding;
}

}  // namespace

Finding check_undersell(const Evidence& evidence) {
    if (auto finding = unless_recorded(kName, evidence)) return *finding;
    if (auto finding = unless_sold_is_known(kName, evidence)) return *finding;
    if (auto finding = unless_names_differ(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const Sold sold = sold_at_rest(evidence);
    const std::int64_t left = std::max<std::int64_t>(0, stock - sold.units());
    const std::vector<Account> accounts = accounts_of(evidence);
    const Tally tally = tally_users(evidence, accounts);
    const std::string state =
        fmt::format("{} wanted, {} for a stock of {}", counted(tally.wanted, "unit"),
                    in_words(sold), with_commas(stock));
    Finding finding;
    if (left == 0) {
        finding = holds(kName, state);
    } else if (tally.wanted >= stock) {
        finding = judge_leftovers(evidence, accounts, tally, left, state);
    } else if (!evidence.history.missing_tail.empty()) {
        finding = inconclusive(kName, state + but_history_is_cut(evidence));
    } else {
        finding = skipped(kName, state + ": fewer wanted than there was");
    }
    finding.figures = {
        {"stock", stock},          {"rows", sold.rows},      {"left", left},
        {"wanted", tally.wanted},  {"losers", tally.losers}, {"told_sold_out", tally.told_sold_out},
        {"refused", tally.refused}};
    if (evidence.after.backlog.is_read()) finding.figures.push_back({"backlog", sold.queued});
    return finding;
}

}  // namespace claimstorm
