#include "checkers/check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

// d rows, a acknowledged grants, i attempts without an answer, S stock, q per-user limit,
// L remaining in the cache, p queued. The order is that of an engineer's questions: is it really
// oversold, too many rows or too many promises, the same users or different ones, which counters
// agree.
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
    Check{"database_drift", "S - remaining = d",
          "The database's own counter does not follow its claim rows. Remaining too high: updates "
          "overwrote each other (an absolute write after a stale read), or a guarded UPDATE "
          "matched no row and nobody looked at the affected rows. Remaining too low: the counter "
          "was decremented for claims that were never stored (INSERT IGNORE, a swallowed duplicate "
          "key). Balanced counters prove nothing by themselves: read them beside oversell.",
          check_database_drift},
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
        const bool wanted =
            names.empty() || std::find(names.begin(), names.end(), check.name) != names.end();
        if (wanted) findings.push_back(check.run(evidence));
    }
    return findings;
}

}  // namespace claimstorm
