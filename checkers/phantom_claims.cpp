// Property: u in D => u has a granted attempt or one without an answer (unknown, pending).
// D is after minus before, as multisets of (user, claim id). Definite: a row stands for somebody
// who was told no, or never asked. An attempt that was not sent explains nothing.
// A row explained only by an unanswered attempt is legal and counted as recovered. How many rows a
// user may have is duplicate_users' business.
// Needs: the claims query before and after, the history, settled stores.
// With a cut history a missing attempt may have been the grant, and without a baseline a row may be
// older than the storm: what would be violated is then inconclusive.
// Cannot see: a row that a refusal left behind for a user who was also granted one.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/told.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "phantom_claims";

// What a user's attempts amount to, as bits.
constexpr std::uint8_t kTookPart = 1;
constexpr std::uint8_t kGranted = 2;
constexpr std::uint8_t kUnanswered = 4;

std::vector<std::uint8_t> parts_played(const Evidence& evidence) {
    std::vector<std::uint8_t> parts(evidence.users.size());
    for (const Attempt& attempt : evidence.history.attempts) {
        std::uint8_t part = kTookPart;
        if (attempt.outcome == Outcome::granted) part |= kGranted;
        if (is_indeterminate(attempt.outcome)) part |= kUnanswered;
        parts.at(attempt.user) |= part;
    }
    return parts;
}

struct Phantom {
    UserId user = 0;
    std::vector<ByUser::Index> rows;
};

struct Tally {
    std::int64_t rows_added = 0;
    std::int64_t phantoms = 0;   // rows that nothing explains
    std::int64_t users = 0;      // whose rows these are
    std::int64_t strangers = 0;  // of these users, the ones the storm never had
    std::int64_t recovered = 0;  // users with rows explained only by an unanswered attempt
    std::vector<Phantom> kept;   // as many as make witnesses
};

Tally tally_rows(const Evidence& evidence) {
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    const std::vector<std::uint8_t> parts = parts_played(evidence);
    Tally tally;
    std::vector<ByUser::Index> added;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        added.clear();
        subtract_rows(evidence, rows.of(user), old_rows.of(user), added);
        if (added.empty()) continue;
        const auto number = static_cast<std::int64_t>(added.size());
        tally.rows_added += number;
        if ((parts[user] & kGranted) != 0) continue;
        if ((parts[user] & kUnanswered) != 0) {
            ++tally.recovered;
            continue;
        }
        tally.phantoms += number;
        ++tally.users;
        if (parts[user] == 0) ++tally.strangers;
        if (tally.kept.size() < kWitnessesKept) tally.kept.push_back({user, added});
    }
    return tally;
}

void add_witnesses(const Evidence& evidence, const Tally& tally, Finding& finding) {
    std::vector<UserId> users;
    for (const Phantom& phantom : tally.kept) users.push_back(phantom.user);
    const AttemptsOf attempts(evidence, users);
    for (const Phantom& phantom : tally.kept) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(phantom.user);
            witness.attempts = attempts.listed(phantom.user);
            for (const ByUser::Index at : phantom.rows) {
                const std::string_view id = row_id(evidence, evidence.after.ledger, at);
                if (id.empty() || witness.claim_ids.size() == kListedPerWitness) continue;
                witness.claim_ids.emplace_back(id);
            }
            const auto rows = static_cast<std::int64_t>(phantom.rows.size());
            witness.what = fmt::format(
                "{} {} but has {}", witness.user, attempts.what_was_told(phantom.user),
                rows == 1 && !witness.claim_ids.empty() ? "claim " + witness.claim_ids.front()
                                                        : counted(rows, "new row"));
            return witness;
        });
    }
    finding.witness_count = static_cast<std::uint64_t>(tally.users);
}

/// Why phantoms may be none after all; empty when they are.
std::string what_is_open(const Evidence& evidence) {
    const auto& before = evidence.before.ledger;
    if (!before.is_named()) return "; they may be older than the storm: no baseline was taken";
    if (!before.is_read()) {
        return "; they may be older than the storm, the baseline could not be read: " +
               before.why();
    }
    return but_history_is_cut(evidence);
}

}  // namespace

Finding check_phantom_claims(const Evidence& evidence) {
    if (auto finding = unless_read(kName, evidence.after.ledger, "claims query")) return *finding;
    if (auto finding = unless_recorded(kName, evidence)) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;
    if (auto finding = unless_names_differ(kName, evidence)) return *finding;

    const Tally tally = tally_rows(evidence);
    Finding finding;
    if (tally.phantoms == 0) {
        finding = holds(kName, fmt::format("{} explained by what the clients saw",
                                           counted(tally.rows_added, "new row")));
        if (tally.recovered > 0) {
            finding.summary += fmt::format("; among them those of {} whose answer was lost",
                                           counted(tally.recovered, "user"));
        }
    } else {
        const std::string open = what_is_open(evidence);
        finding = open.empty() ? violated(kName, "") : inconclusive(kName, "");
        finding.summary = fmt::format("{} for {} without a granted or unanswered attempt",
                                      counted(tally.phantoms, "row"), counted(tally.users, "user"));
        if (tally.strangers > 0) {
            finding.summary +=
                fmt::format("; {} took no part in the storm", with_commas(tally.strangers));
        }
        finding.summary += open;
        add_witnesses(evidence, tally, finding);
    }
    finding.figures = {{"rows_added", tally.rows_added},
                       {"phantoms", tally.phantoms},
                       {"strangers", tally.strangers},
                       {"recovered", tally.recovered}};
    return finding;
}

}  // namespace claimstorm
