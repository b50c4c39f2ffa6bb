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
    Check{"oversell", "d <= S",
          "More claim rows are stored than there was stock: somebody holds an item that does not "
          "exist. Look next at promised_oversell (were the surplus people told yes?), at "
          "duplicate_users (the same people or different ones?) and at the two drifts (which "
          "counter still agrees with the rows names the step that raced).",
          check_oversell},
    Check{"promised_oversell", "a <= S - rows before the storm",
          "More people were told yes than there was stock to give. Look next at oversell: if the "
          "rows stay within the stock, the service answered before it knew (see lost_claims); if "
          "they do not, the surplus was stored as well. The witnesses are the grants answered "
          "last: the first of them dates the beginning of the excess.",
          check_promised_oversell},
    Check{"duplicate_users", "rows per user <= q; distinct claim ids granted per user <= q",
          "One person got more than the campaign allows. Usually the question 'has this user "
          "claimed?' is asked before a lock is held or outside the transaction, and no unique key "
          "backs it. Look next at the attempts of a witness: a double click that overlaps itself "
          "names the race; attempts far apart name a retry or a redelivered message.",
          check_duplicate_users},
    Check{"lost_claims", "A is contained in D or P, and P is empty by the deadline",
          "Somebody was told yes and nothing is stored for them: they are owed an item. Look next "
          "for a reply sent before COMMIT, for a transaction rolled back after the reply "
          "(deadlock, lock wait timeout), and for a queue whose consumer died or acknowledged "
          "before it wrote. The witnesses are the people to make whole.",
          check_lost_claims},
    Check{"phantom_claims", "u in D => u has a granted or an unanswered attempt",
          "Rows are stored for people who were told no, or who never asked. Look next at the "
          "error paths: a refusal answered after COMMIT, a compensation that restored the counter "
          "and left the row, a queue that processed a claim twice under another name. Rows of "
          "users the storm never had mean that somebody else was using the campaign. A row whose "
          "user only has an unanswered attempt is legal and is counted as recovered.",
          check_phantom_claims},
    Check{"cache_drift", "S - L - d - p = 0",
          "At rest, the cache's counter and the claim rows do not add up to the stock. Above zero, "
          "units leaked: they were taken from the cache and belong to nobody, so they can never "
          "be sold; look for a failure between the decrement and COMMIT whose compensation is "
          "missing. Below zero, the cache offers units that are gone: an oversell waiting to "
          "happen; look for a compensation done twice, a late SET on a cold cache, a restart, an "
          "eviction.",
          check_cache_drift},
    Check{"user_set_drift", "C = users(D) u users(P)",
          "The cache's set of those who have claimed and the users with a row are not the same "
          "people. In the set without a row: locked out, told 'already claimed' for nothing; look "
          "for a failure between SADD and COMMIT whose compensation is missing. With a row, not in "
          "the set: they can claim again as soon as nothing but the set stops them; look for an "
          "SREM done too often, a set that expired, a restart without persistence.",
          check_user_set_drift},
    Check{"database_drift", "S - remaining = d",
          "The database's own counter does not follow its claim rows. Remaining too high: updates "
          "overwrote each other (an absolute write after a stale read), or a guarded UPDATE "
          "matched no row and nobody looked at the affected rows. Remaining too low: the counter "
          "was decremented for claims that were never stored (INSERT IGNORE, a swallowed duplicate "
          "key). Balanced counters prove nothing by themselves: read them beside oversell.",
          check_database_drift},
    Check{"sold_out_flag", "flag => d + p >= S, and d + p >= S => flag",
          "The campaign's status is wrong at rest. Marked sold out with units left, nobody can "
          "claim them any more: the mark was set from the cache's counter before the units came "
          "back, or by a claim that failed afterwards. Not marked although nothing is left, late "
          "comers pass the first gate: the step 'at zero, mark it' was skipped because the counter "
          "jumped over zero, or the mark was overwritten by a stale object.",
          check_sold_out_flag},
    Check{"false_sold_out", "R_so is not empty => d + p >= S",
          "People were told 'sold out' and there are units left. Look next at cache_drift and "
          "over_decrement: a counter that lost units to failed or doubled claims refuses for ever; "
          "at a compensation that comes after the lock is released; at a segment that was empty "
          "while others were not. Possible, not definite, where enough attempts failed to have "
          "held the units at the time and given them back.",
          check_false_sold_out},
    Check{"undersell", "at least S units wanted => d + p >= S",
          "Stock is left although enough people asked for it. Look next at false_sold_out (were "
          "they sent away?), at cache_drift above zero (the units leaked), at tickets (numbers "
          "burnt by duplicate keys or rollbacks), and at retries that run out under contention. "
          "Possible, not definite, where a loser was last told something else than sold out; a "
          "storm whose losers were all throttled or never answered is inconclusive: they might "
          "come again.",
          check_undersell},
    Check{"over_decrement", "L >= 0",
          "The cache's counter stands below zero: it was decremented for claims it could not "
          "serve, and nobody put that back. As many rows beyond the stock (see oversell) mean that "
          "the counter was asked and not obeyed; no surplus of rows means that every refused claim "
          "burns one, so that units given back later are swallowed.",
          check_over_decrement},
    Check{"amounts",
          "sum <= B, = B when all went and whole_budget; each >= min_cents; told = stored",
          "The money is wrong. Over the budget: count and amount are checked in different steps, "
          "or an amount was drawn from what another claim was taking. Below the least: shares "
          "rounded as floats, cuts that repeat, a last share that takes a negative rest. Told and "
          "stored differ: the amount was drawn twice. The whole stock gone and the budget not: "
          "the last share does not take the rest, or an envelope was lost.",
          check_amounts},
    Check{"payouts", "one payout a row, of its amount, to its user; no payout without a row",
          "Money was not moved as the rows say. Unpaid: the payout died between the claim and the "
          "transfer and nothing tries again; look for a worker that acknowledges first. Paid "
          "again: a retry or a redelivery without an idempotency key. Without a row: paid before "
          "the claim was committed, or the claim was rolled back.",
          check_payouts},
    Check{"tickets", "distinct, within [1, S]; without a gap where gap_free_tickets is promised",
          "Numbers that must be unique are not, or lie outside the stock, or are burnt. Twice: the "
          "counter was lost or went back (a restart without persistence, a failover), or was read "
          "and written in two steps. Missing: an AUTO_INCREMENT that INSERT IGNORE, a duplicate "
          "key or a rollback moved on; every burnt number within the stock is one unit unsold.",
          check_tickets},
    Check{"stuck_lock", "no lock without an expiry at rest; none that outlives two terms",
          "A lock is held and nobody is at work: whoever needs it waits until a person removes "
          "the key. PTTL -1: SETNX without an expiry, or with an EXPIRE that a crash prevented, "
          "and a holder that died or returned early. Held before the storm and after it, with an "
          "expiry (possible): something renews it for an owner that does no work.",
          check_stuck_lock},
    Check{"claim_order",
          "no grant whose attempt began after an R_so was told; ordered_tickets: none below a "
          "ticket told before it began",
          "Somebody was sent away, and a later comer got one: the sale flaps. Look next for a "
          "counter that refused claims push below zero and bring back, for a compensation that "
          "returns units without telling those who waited, for segments or replicas that run empty "
          "at different times, and for a cached sold-out mark that expires. Tickets out of order "
          "name numbers handed out in one place and claimed in another. As many late grants as "
          "attempts that failed before them are what giving units back looks like, and hold.",
          check_claim_order},
    Check{"linearizable", "the history is one of a bounded counter with unique users",
          "No order of the attempts explains the answers: some service instance answered from a "
          "stale or partial view. Look first at the checks of its parts (promised_oversell, "
          "duplicate_users, claim_order, false_sold_out, tickets), whose findings this one "
          "contains; what is left is an answer given before its reason, such as already_claimed "
          "told for a claim that had not begun or that was then refused, or sold_out told while a "
          "unit was held by a second click. The witnesses are the attempts that cannot be "
          "reconciled.",
          check_linearizable},
    Check{
        kLiveBalance,
        "at every sample: d - rows before <= claims asked for; claims told <= d + p - rows before",
        "While the storm ran (--watch), rows or answers were ahead of what they follow from. "
        "Rows that nobody had asked for: definite; look for another user of the campaign, or for "
        "claims stored several times. Rows that no answer explains (possible): of people who had "
        "been told no, or second rows of one claim, taken back only later. Answers ahead "
        "(possible): told yes while neither a row nor "
        "the backlog had the claim, and made up for later; a crash in that time makes them lost "
        "claims. Look for a reply before the queue has the entry, and for a consumer that "
        "takes it off the queue before it has stored the row. Without a backlog that the target "
        "names, the rows' lag is a figure only.",
        check_live_balance, true},
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
        findings.back().diagnosis = diagnose(evidence, findings.back());
    }
    return findings;
}

}  // namespace claimstorm
