// Property: while nobody claims, no lock is held for ever: no key of `redis.locks` without an
// expiry, and none that outlives two terms of its lease.
//   PTTL -1 at rest: definite. Nothing will ever remove that key but a person, and until then
//   nobody who needs it claims.
//   A key that expires, held at rest both before the storm and after it: possible. Its age is not
//   known, only that it was there in two looks with nobody at work; a watchdog that renews for a
//   dead owner looks like that, and so does a lock of somebody else's that the pattern catches.
//   A key that expires and was seen in the last look alone has been left by a holder that died, or
//   is held by work of the service's own; it goes by itself, so it is said and not judged.
// Needs: the lock patterns, settled stores; the baseline for the second rule and to tell an old
// lock from a new one.
// Cannot see: a lock that was stuck and has expired or was removed by hand before the audit; keys
// that the patterns do not match; who holds a lock.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "stuck_lock";

std::vector<std::string_view> keys_before(const Evidence& evidence) {
    std::vector<std::string_view> keys;
    if (!evidence.before.locks.is_read()) return keys;
    keys.reserve(evidence.before.locks->size());
    for (const LockSeen& lock : *evidence.before.locks) keys.emplace_back(lock.key);
    std::sort(keys.begin(), keys.end());
    return keys;
}

Witness witness_of(const LockSeen& lock, bool old) {
    Witness witness;
    witness.key = lock.key;
    if (lock.pttl_ms == -1) {
        witness.what = fmt::format("{} never expires (PTTL -1) and is held while nobody claims{}",
                                   lock.key, old ? "; it was there before the storm" : "");
    } else {
        witness.what = fmt::format("{} was held before the storm and is held after it (PTTL {} ms)",
                                   lock.key, lock.pttl_ms);
    }
    return witness;
}

struct Tally {
    std::int64_t for_ever = 0;  // without expiry
    std::int64_t old = 0;       // of these, there before the storm
    std::int64_t kept = 0;      // with expiry, there before the storm and after it
    std::int64_t expiring = 0;  // with expiry, new
    std::int64_t longest = 0;   // the time the last of the new ones has to go, in ms
};

std::string what_is_stuck(const Tally& tally) {
    std::string what;
    if (tally.for_ever > 0) {
        what = fmt::format("{} held for ever: PTTL -1, nobody at work",
                           counted(tally.for_ever, "lock"));
        if (tally.old > 0) {
            what += fmt::format("; {} of them from before the storm", with_commas(tally.old));
        }
    }
    if (tally.kept > 0) {
        what += fmt::format("{}{} held both before the storm and after it",
                            what.empty() ? "" : "; ", counted(tally.kept, "expiring lock"));
    }
    return what;
}

}  // namespace

Finding check_stuck_lock(const Evidence& evidence) {
    const auto& locks = evidence.after.locks;
    if (auto finding = unless_read(kName, locks, "lock keys")) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;

    const std::vector<std::string_view> before = keys_before(evidence);
    Finding found = violated(kName, "");
    Tally tally;
    for (const LockSeen& lock : *locks) {
        const bool old = std::binary_search(before.begin(), before.end(), lock.key);
        if (lock.pttl_ms == -1) {
            ++tally.for_ever;
            tally.old += old ? 1 : 0;
        } else if (old) {
            ++tally.kept;
        } else {
            ++tally.expiring;
            tally.longest = std::max(tally.longest, lock.pttl_ms);
            continue;
        }
        found.add_witness([&] { return witness_of(lock, old); });
    }

    Finding finding;
    if (tally.for_ever + tally.kept > 0) {
        finding = std::move(found);
        finding.summary = what_is_stuck(tally);
        finding.strength = tally.for_ever > 0 ? Strength::definite : Strength::possible;
    } else {
        finding = holds(kName, "no lock is held");
        if (tally.expiring > 0) {
            finding.summary =
                fmt::format("{} still held, gone within {} ms by expiry",
                            counted(tally.expiring, "lock"), with_commas(tally.longest));
        }
    }
    finding.figures = {{"locks", static_cast<std::int64_t>(locks->size())},
                       {"for_ever", tally.for_ever},
                       {"old", tally.old},
                       {"kept", tally.kept}};
    return finding;
}

}  // namespace claimstorm
