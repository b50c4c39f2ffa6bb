// Property: every row has exactly one payout, of its amount and to its user, and every payout has a
// row; so the payouts add up to what the rows do. Rows from before the storm count.
// Definite: two settled tables, matched by claim id.
// Needs: the payouts query, the claims query with claim ids, settled stores; the backlog where one
// is named.
//   Amounts are compared where the rows carry them, users where the payouts do.
//   Payouts still queued may be the missing ones: where nothing else is wrong, no more unpaid rows
//   than are queued are inconclusive.
//   Rows that share a claim id are matched by number and judged by the sum of their amounts alone.
//   Where several rows and several payouts have not one claim id in common, the two queries name
//   claims differently, which accuses nobody: inconclusive; a row without an id likewise. Users of
//   whom not one fits are spelled differently and not judged.
// Cannot see: whether the money arrived; a payout that was taken back and made anew.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/cents.h"
#include "checkers/sold.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "payouts";

/// The rows and payouts of one claim id.
struct Account {
    std::uint32_t first_row = 0;
    std::uint32_t rows = 0;
    std::uint32_t payouts = 0;
};

/// An account for each claim id that a row carries.
class Accounts {
  public:
    explicit Accounts(const Evidence& evidence) : evidence_(evidence) {
        const auto& rows = evidence.after.ledger->rows;
        accounts_.reserve(rows.size());
        std::uint32_t at = 0;
        for (const ClaimRow& row : rows) {
            const std::string_view id = evidence.texts.view(row.claim_id);
            if (id.empty()) {
                ++without_id_;
            } else {
                const std::uint32_t number = ids_.intern(id);
                if (number == accounts_.size()) accounts_.push_back({at, 0, 0});
                ++accounts_[number].rows;
            }
            ++at;
        }
    }

    /// Null for a payout that names no claim there is.
    Account* of(const PayoutRow& payout) {
        const auto number = ids_.find(evidence_.texts.view(payout.claim_id));
        return number ? &accounts_[*number] : nullptr;
    }

    const std::vector<Account>& all() const { return accounts_; }
    std::string_view id(std::size_t number) const {
        return ids_.name(static_cast<std::uint32_t>(number));
    }
    std::int64_t without_id() const { return without_id_; }

  private:
    const Evidence& evidence_;
    Names ids_;
    std::vector<Account> accounts_;  // by the id's number in ids_
    std::int64_t without_id_ = 0;
};

struct Tally {
    std::int64_t matched = 0;       // payouts of a row
    std::int64_t unpaid = 0;        // rows no payout is left for
    std::int64_t paid_again = 0;    // payouts beyond the one a row has
    std::int64_t without_row = 0;   // payouts that name no row
    std::int64_t wrong_amount = 0;  // payouts of another amount than the row's
    std::int64_t wrong_user = 0;    // payouts to another user than the row's
    CentsSum paid;
    CentsSum stored;
    bool amounts_known = true;  // every row carries one

    std::int64_t difference() const {
        return amounts_known ? difference_in_cents(paid.value(), stored.value()) : 0;
    }
    std::int64_t faults() const {
        return unpaid + paid_again + without_row + wrong_amount + wrong_user;
    }
};

Witness witness_of(const Evidence& evidence, const ClaimRow* row, std::string_view id,
                   const std::string& what) {
    Witness witness;
    if (row != nullptr) witness.user = evidence.users.name(row->user);
    if (!id.empty()) witness.claim_ids.emplace_back(id);
    witness.what = what;
    return witness;
}

/// False when several payouts name a user and not one of them the user of its row.
bool users_are_spelled_alike(const Evidence& evidence, Accounts& accounts) {
    constexpr int kSeveral = 3;
    int others = 0;
    for (const PayoutRow& payout : evidence.after.payouts->rows) {
        if (payout.user == kNoUser) continue;
        const Account* account = accounts.of(payout);
        if (account == nullptr) continue;
        if (evidence.after.ledger->rows[account->first_row].user == payout.user) return true;
        ++others;
    }
    return others < kSeveral;
}

/// Judges one payout by the row it names.
void tally_payout(const Evidence& evidence, const PayoutRow& payout, Account* account,
                  bool judge_user, Tally& tally, Finding& finding) {
    const std::string_view id = evidence.texts.view(payout.claim_id);
    tally.paid.add(payout.amount_cents);
    if (account == nullptr) {
        ++tally.without_row;
        finding.add_witness([&] {
            return witness_of(
                evidence, nullptr, id,
                fmt::format(
                    "a payout of {} cents names {}", with_commas(payout.amount_cents),
                    id.empty() ? "no claim" : fmt::format("claim {}, which has no row", id)));
        });
        return;
    }
    ++tally.matched;
    ++account->payouts;
    if (account->rows != 1) return;
    const ClaimRow& row = evidence.after.ledger->rows[account->first_row];
    if (row.amount_cents != kNoNumber && row.amount_cents != payout.amount_cents) {
        ++tally.wrong_amount;
        finding.add_witness([&] {
            return witness_of(
                evidence, &row, id,
                fmt::format("claim {} of {} is over {} cents and was paid {}", id,
                            evidence.users.name(row.user), with_commas(row.amount_cents),
                            with_commas(payout.amount_cents)));
        });
    }
    if (!judge_user || payout.user == kNoUser || payout.user == row.user) return;
    ++tally.wrong_user;
    finding.add_witness([&] {
        return witness_of(
            evidence, &row, id,
            fmt::format("claim {} belongs to {} and was paid to {}", id,
                        evidence.users.name(row.user), evidence.users.name(payout.user)));
    });
}

/// Judges the number of payouts of each row.
void tally_accounts(const Evidence& evidence, const Accounts& accounts, Tally& tally,
                    Finding& finding) {
    for (std::size_t number = 0; number < accounts.all().size(); ++number) {
        const Account& account = accounts.all()[number];
        const std::int64_t beyond = std::int64_t{account.payouts} - account.rows;
        if (beyond == 0) continue;
        tally.unpaid += std::max<std::int64_t>(0, -beyond);
        tally.paid_again += std::max<std::int64_t>(0, beyond);
        finding.add_witness([&] {
            const ClaimRow& row = evidence.after.ledger->rows[account.first_row];
            const std::string_view id = accounts.id(number);
            return witness_of(
                evidence, &row, id,
                fmt::format("claim {} of {} was {}", id, evidence.users.name(row.user),
                            account.payouts == 0 ? std::string("never paid")
                                                 : "paid " + counted(account.payouts, "time")));
        });
    }
    for (const ClaimRow& row : evidence.after.ledger->rows) {
        if (row.amount_cents == kNoNumber) {
            tally.amounts_known = false;
        } else {
            tally.stored.add(row.amount_cents);
        }
    }
}

std::string what_is_wrong(const Tally& tally) {
    std::vector<std::string> parts;
    const auto say = [&](std::int64_t number, std::string_view what) {
        if (number > 0) parts.push_back(fmt::format("{} {}", with_commas(number), what));
    };
    say(tally.unpaid, "unpaid");
    say(tally.paid_again, "paid again");
    say(tally.without_row, "without a row");
    say(tally.wrong_amount, "of a wrong amount");
    say(tally.wrong_user, "to a wrong user");
    if (tally.difference() != 0) {
        parts.push_back(fmt::format("{} cents paid for {} cents claimed",
                                    with_commas(tally.paid.value()),
                                    with_commas(tally.stored.value())));
    }
    return fmt::format("{}", fmt::join(parts, "; "));
}

Finding judge(const Evidence& evidence, const Accounts& accounts, const Tally& tally,
              Finding found) {
    const auto rows = static_cast<std::int64_t>(evidence.after.ledger->rows.size());
    const auto payouts = static_cast<std::int64_t>(evidence.after.payouts->rows.size());
    const std::string state =
        fmt::format("{} for {}", counted(payouts, "payout"), counted(rows, "row"));
    constexpr std::int64_t kSeveral = 3;
    if (accounts.without_id() > 0) {
        return inconclusive(kName, fmt::format("{}, but {} without a claim id to match", state,
                                               counted(accounts.without_id(), "row")));
    }
    if (tally.matched == 0 && rows >= kSeveral && payouts >= kSeveral) {
        return inconclusive(
            kName, fmt::format("{}, and not one claim id in common: a row says '{}', a payout "
                               "'{}'; make the payouts query and the claims query agree",
                               state, accounts.id(0),
                               evidence.texts.view(evidence.after.payouts->rows[0].claim_id)));
    }
    if (tally.faults() == 0 && tally.difference() == 0) return holds(kName, state);
    Finding finding = std::move(found);
    finding.summary = fmt::format("{}: {}", state, what_is_wrong(tally));
    const std::int64_t queued = sold_at_rest(evidence).queued;
    if (tally.faults() == tally.unpaid && tally.unpaid > 0 && tally.unpaid <= queued) {
        finding.verdict = Verdict::inconclusive;
        finding.summary +=
            fmt::format("; but {} still queued when the wait ended", with_commas(queued));
    }
    return finding;
}

}  // namespace

Finding check_payouts(const Evidence& evidence) {
    if (auto finding = unless_read(kName, evidence.after.payouts, "payouts query")) return *finding;
    if (auto finding = unless_sold_is_known(kName, evidence)) return *finding;

    Accounts accounts(evidence);
    Finding found = violated(kName, "");
    Tally tally;
    const bool judge_users = users_are_spelled_alike(evidence, accounts);
    for (const PayoutRow& payout : evidence.after.payouts->rows) {
        tally_payout(evidence, payout, accounts.of(payout), judge_users, tally, found);
    }
    tally_accounts(evidence, accounts, tally, found);
    Finding finding = judge(evidence, accounts, tally, std::move(found));
    finding.figures = {{"rows", static_cast<std::int64_t>(evidence.after.ledger->rows.size())},
                       {"payouts", static_cast<std::int64_t>(evidence.after.payouts->rows.size())},
                       {"unpaid", tally.unpaid},
                       {"paid_again", tally.paid_again},
                       {"without_row", tally.without_row},
                       {"wrong_amount", tally.wrong_amount},
                       {"wrong_user", tally.wrong_user},
                       {"paid_cents", tally.paid.value()},
                       {"difference_cents", tally.difference()}};
    return finding;
}

}  // namespace claimstorm
