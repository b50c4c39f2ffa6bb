// Property: a <= S - rows before the storm (never below zero), where a counts distinct promises.
// Definite: those people were told yes, whatever the stores hold.
//   An answer that repeats a user's claim id is a replay and is counted once. An answer without an
//   id may be a replay: of such answers a user's first counts, the rest raise the upper bound only.
//   A user who held rows before the storm may have been given the old answer again, so as many of
//   that user's promises go to the upper bound too.
// Where a <= S < the upper bound (those answers, and the i attempts without an answer), the rows
// decide: they are oversell's business once the ledger is read and settled; else inconclusive.
// Needs: the history alone; the baseline when there is one, for the rows before the storm.
// With a cut history or an unread baseline an excess is still an excess; none is inconclusive.
// Cannot see: promises the service made over another channel, or in attempts this storm never sent.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "promised_oversell";

struct Count {
    std::vector<ByUser::Index> promised;  // the attempt that first carried each certain promise
    std::int64_t maybe = 0;               // granted answers that may be replays
};

Count count_promises(const Evidence& evidence) {
    const ByUser grants = grants_by_user(evidence);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    Count count;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        const std::size_t before = count.promised.size();
        add_distinct(evidence, granted, count.promised);
        const std::size_t replayed =
            std::min(count.promised.size() - before, old_rows.of(user).size());
        count.promised.resize(count.promised.size() - replayed);
        const auto certain = static_cast<std::int64_t>(count.promised.size() - before);
        count.maybe += promises_in(evidence, granted).most() - certain;
    }
    return count;
}

void add_witnesses(const Evidence& evidence, std::vector<ByUser::Index>& promised, std::size_t room,
                   Finding& finding) {
    const auto& attempts = evidence.history.attempts;
    const auto by_end = [&](ByUser::Index left, ByUser::Index right) {
        return std::pair(attempts[left].done_ns, left) < std::pair(attempts[right].done_ns, right);
    };
    const auto beyond = promised.begin() + static_cast<std::ptrdiff_t>(room);
    const std::size_t kept = std::min(promised.size() - room, kWitnessesKept);
    const auto end = beyond + static_cast<std::ptrdiff_t>(kept);
    std::nth_element(promised.begin(), beyond, promised.end(), by_end);
    std::partial_sort(beyond, end, promised.end(), by_end);
    std::size_t rank = room;
    for (auto at = beyond; at != end; ++at) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(attempts[*at].user);
            witness.attempts = {*at};
            const std::string_view id = granted_id(evidence, *at);
            if (!id.empty()) witness.claim_ids.emplace_back(id);
            witness.what =
                fmt::format("{} was told granted{} as number {} (attempt {})", witness.user,
                            id.empty() ? "" : fmt::format(", claim {},", id), ++rank, *at);
            return witness;
        });
    }
    finding.witness_count = promised.size() - room;
}

/// Why an excess cannot be ruled out; empty when the rows decide or nothing is open.
std::string what_is_open(const Evidence& evidence, std::int64_t indeterminate, std::int64_t maybe) {
    const auto& ledger = evidence.after.ledger;
    std::string open;
    if (!ledger.is_named()) {
        open = "the target names no claims query to tell";
    } else if (!ledger.is_read()) {
        open = "the claims query could not be read: " + ledger.why();
    } else if (!evidence.settlement.settled) {
        open = "the stores had not settled: " + evidence.settlement.why_not;
    } else {
        return "";
    }
    std::string what;
    if (indeterminate > 0) {
        what = counted(indeterminate, "attempt") + " may have been granted";
    }
    if (maybe > 0) {
        if (!what.empty()) what += " and ";
        what += counted(maybe, "granted answer") + " may or may not be a replay";
    }
    return what + "; " + open;
}

/// Why the number of promises that may be made is not known.
std::string why_no_baseline(const Evidence& evidence) {
    const auto& before = evidence.before.ledger;
    if (before.is_read() || !evidence.after.ledger.is_named()) return "";
    if (!before.is_named()) return "the rows before the storm are not known";
    return "the rows before the storm could not be read: " + before.why();
}

}  // namespace

Finding check_promised_oversell(const Evidence& evidence) {
    if (auto finding = unless_recorded(kName, evidence)) return *finding;

    Count count = count_promises(evidence);
    const auto promised = static_cast<std::int64_t>(count.promised.size());
    const std::int64_t indeterminate = count_indeterminate(evidence.history);
    const auto& baseline = evidence.before.ledger;
    const std::int64_t rows_before =
        baseline.is_read() ? static_cast<std::int64_t>(baseline->rows.size()) : 0;
    const std::int64_t room = std::max<std::int64_t>(0, evidence.campaign.stock - rows_before);
    const std::int64_t excess = std::max<std::int64_t>(0, promised - room);

    std::string summary = fmt::format("{} for a stock of {}", counted(promised, "promise"),
                                      with_commas(evidence.campaign.stock));
    if (rows_before > 0)
        summary += fmt::format(" of which {} were gone before", with_commas(rows_before));
    const std::string unknown_room = why_no_baseline(evidence);
    const std::string open = what_is_open(evidence, indeterminate, count.maybe);

    Finding finding;
    if (excess > 0) {
        finding = violated(kName, fmt::format("{}: {} too many", summary, with_commas(excess)));
        add_witnesses(evidence, count.promised, static_cast<std::size_t>(room), finding);
    } else if (!unknown_room.empty()) {
        finding = inconclusive(kName, summary + "; " + unknown_room);
    } else if (promised + indeterminate + count.maybe > room && !open.empty()) {
        finding = inconclusive(kName, summary + "; " + open);
    } else {
        finding = unless_history_is_cut(evidence, holds(kName, summary));
    }
    finding.figures = {{"stock", evidence.campaign.stock},
                       {"rows_before", rows_before},
                       {"promised", promised},
                       {"excess", excess},
                       {"maybe_replays", count.maybe},
                       {"indeterminate", indeterminate}};
    return finding;
}

}  // namespace claimstorm
