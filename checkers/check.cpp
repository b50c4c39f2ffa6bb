#include "checkers/check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/diagnosis.h"
#include "checkers/live_balance.h"
#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

// d rows, a acknowledged grants, i attempts without an answer, S stock, q per-user limit,
// L remaining in the cache, p queued, A the grants, R_so the answers "sold out", D the rows, P the
// queued claims, C the cache's user set, B the budget. The order is that of an engineer's
// questions: is it really oversold, too many rows or too many promises, the same users or different
// ones, which counters and marks agree, did everybody get what there was, is the money right, can
// it go on.
constexpr std::array kChecks = {
    Check{"oversell", "d <= S", explain_oversell, check_oversell},
    Check{"promised_oversell", "a <= S - rows before the storm", explain_promised_oversell,
          check_promised_oversell},
    Check{"duplicate_users", "rows per user <= q; distinct claim ids granted per user <= q",
          explain_duplicate_users, check_duplicate_users},
    Check{"lost_claims", "A is contained in D or P, and P is empty by the deadline",
          explain_lost_claims, check_lost_claims},
    Check{"phantom_claims", "u in D => u has a granted or an unanswered attempt",
          explain_phantom_claims, check_phantom_claims},
    Check{"cache_drift", "S - L - d - p = 0", explain_cache_drift, check_cache_drift},
    Check{"user_set_drift", "C = users(D) u users(P)", explain_user_set_drift,
          check_user_set_drift},
    Check{"database_drift", "S - remaining = d", explain_database_drift, check_database_drift},
    Check{"sold_out_flag", "flag => d + p >= S, and d + p >= S => flag", explain_sold_out_flag,
          check_sold_out_flag},
    Check{"false_sold_out", "R_so is not empty => d + p >= S", explain_false_sold_out,
          check_false_sold_out},
    Check{"undersell", "at least S units wanted => d + p >= S", explain_undersell, check_undersell},
    Check{"over_decrement", "L >= 0", explain_over_decrement, check_over_decrement},
    Check{"amounts",
          "sum <= B, = B when all went and whole_budget; each >= min_cents; told = stored",
          explain_amounts, check_amounts},
    Check{"payouts", "one payout a row, of its amount, to its user; no payout without a row",
          explain_payouts, check_payouts},
    Check{"tickets", "distinct, within [1, S]; without a gap where gap_free_tickets is promised",
          explain_tickets, check_tickets},
    Check{"stuck_lock", "no lock without an expiry at rest; none that outlives two terms",
          explain_stuck_lock, check_stuck_lock},
    Check{"claim_order",
          "no grant whose attempt began after an R_so was told; ordered_tickets: none below a "
          "ticket told before it began",
          explain_claim_order, check_claim_order},
    Check{"linearizable", "the history is one of a bounded counter with unique users",
          explain_linearizable, check_linearizable},
    Check{
        kLiveBalance,
        "at every sample: d - rows before <= claims asked for; claims told <= d + p - rows before",
        explain_live_balance, check_live_balance, true},
};

}  // namespace

std::span<const Check> all_checks() noexcept {
    return kChecks;
}

const Check* find_check(std::string_view name) noexcept {
    const auto* const found = std::find_if(kChecks.begin(), kChecks.end(),
                                           [&](const Check& check) { return check.name == name; });
    return found == kChecks.end() ? nullptr : found;
}

std::vector<Finding> run_checks(const Evidence& evidence, const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (find_check(name) != nullptr) continue;
        std::vector<std::string_view> known;
        known.reserve(kChecks.size());
        for (const Check& check : kChecks) known.push_back(check.name);
        const auto meant = did_you_mean(name, known);
        throw UsageError(fmt::format("no check is called '{}'{} (`claimstorm checks` lists them)",
                                     name,
                                     meant ? fmt::format(": did you mean '{}'?", *meant) : ""));
    }
    std::vector<Finding> findings;
    for (const Check& check : kChecks) {
        const bool has_use = !check.needs_samples || evidence.samples;
        const bool wanted = names.empty()
                                ? has_use
                                : std::find(names.begin(), names.end(), check.name) != names.end();
        if (!wanted) continue;
        findings.push_back(check.run(evidence));
        findings.back().diagnosis = diagnose(evidence, findings.back(), check.explanation());
    }
    return findings;
}

}  // namespace claimstorm
