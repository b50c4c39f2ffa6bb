#pragma once

#include <string_view>

namespace claimstorm {

// What the evidence of an excess or of a drift names, in the words that `checks explain` and the
// diagnosis of a finding share.

// The database's own counter beside the rows.
inline constexpr std::string_view kRelativeDecrement =
    "a relative decrement that nothing guards; make it conditional (WHERE remaining > 0) and look "
    "at the affected rows";
inline constexpr std::string_view kUnlookedAt =
    "lost updates, or a guarded update whose affected rows nobody looked at";
inline constexpr std::string_view kStaleWrite = "an absolute write after a stale read";
inline constexpr std::string_view kUpdatesLost = "updates were lost or never made";
inline constexpr std::string_view kDecrementedForNothing =
    "it was decremented for claims never stored";

// The cache beside the database.
inline constexpr std::string_view kSameSteps = "both took the same steps";
inline constexpr std::string_view kBurntDeductions =
    "deductions were burnt, for claims that were refused or failed and not put back";
inline constexpr std::string_view kRefilled =
    "refilled while claims were under way, compensated twice, or passed by";

// When an excess began.
inline constexpr std::string_view kColdCache =
    "a cold cache that several loaded, or no guard at all";
inline constexpr std::string_view kCheckThenAct =
    "check-then-act at the stock's end, the check and the taking are not one step";
inline constexpr std::string_view kGateOpen =
    "no race for the last unit, the gate stood open or opened again; compare these times with the "
    "lock's TTL, a cache refill, an eviction, a restart";
inline constexpr std::string_view kLockExpired =
    "the lock expired under its holder and the next one came in; renew it while at work, let it "
    "outlast the longest transaction, or let the write ask for a fencing token";

// How the clicks of a user with too much lie in time.
inline constexpr std::string_view kClicksRaced =
    "a double click raced itself; ask and write under one lock of that user, or let a unique key "
    "decide";
inline constexpr std::string_view kNotAsked =
    "no race, the question is not asked at all, or of a copy that lags or expired";
inline constexpr std::string_view kProcessedTwice =
    "one claim was processed twice; look for a redelivered message or a retried transaction "
    "without a unique key";

// How the answers of lost claims lie in time.
inline constexpr std::string_view kCrashOrErrorPath =
    "close together they name one crash or restart, spread out an error path";

// What was refused, and the counters and marks that refused it.
inline constexpr std::string_view kLeakedFromCache =
    "units leaked to failed or doubled claims, and the counter refuses for ever; see cache_drift";
inline constexpr std::string_view kRefusedElsewhere =
    "the refusal came from elsewhere, a segment that was empty while others were not, or a "
    "sold-out mark set too early";
inline constexpr std::string_view kAskedNotObeyed = "the counter was asked and not obeyed";
inline constexpr std::string_view kEachBurnsOne =
    "every refused claim burns one, so that units given back later are swallowed";
inline constexpr std::string_view kMarkSkipped =
    "the step 'at zero, mark it' was skipped because the counter jumped over zero, or a stale "
    "object overwrote the mark";

}  // namespace claimstorm
