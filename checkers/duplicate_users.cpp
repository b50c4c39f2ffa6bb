// Property: for every user, rows <= q and distinct claim ids granted <= q.
// Definite: both are counted, not inferred. A repeated answer with the same claim id is a replay.
// Needs: the claims query with settled stores for the rows; the history for the ids, judged even
// where the rows cannot be. Rows from before the storm count: the limit is per campaign.
//   Granted answers without a claim id prove nothing by themselves: a second one may be the replay
//   of the first. Where the rows are readable they decide. Where the target names no claims query,
//   a user whose granted answers and unanswered attempts could exceed q makes the check
//   inconclusive, never violated.
// With a cut history an excess is still an excess; none is inconclusive.
// Cannot see: one person behind two user names; rows deleted before the snapshot.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/told.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "duplicate_users";

Witness witness_of(const Evidence& evidence, UserId user, std::span<const ByUser::Index> rows,
                   std::span<const ByUser::Index> granted) {
    Witness witness;
    witness.user = evidence.users.name(user);
    std::vector<std::string_view> ids;
    for (const ByUser::Index at : rows) ids.push_back(row_id(evidence, evidence.after.ledger, at));
    for (const ByUser::Index at : granted) ids.push_back(granted_id(evidence, at));
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    for (const std::string_view id : ids) {
        if (!id.empty() && witness.claim_ids.size() < kListedPerWitness) {
            witness.claim_ids.emplace_back(id);
        }
    }
    std::vector<std::uint64_t> attempts(granted.begin(), granted.end());
    std::sort(attempts.begin(), attempts.end());
    std::vector<std::string> parts;
    if (!rows.empty()) {
        parts.push_back("has " + counted(static_cast<std::int64_t>(rows.size()), "row"));
    }
    const std::int64_t with_id = promises_in(evidence, granted).with_id;
    if (with_id > 0) {
        parts.push_back(fmt::format("was granted {} ({})", counted(with_id, "claim id"),
                                    attempts_in_words(attempts)));
    } else if (!attempts.empty()) {
        parts.push_back(fmt::format("was told granted ({})", attempts_in_words(attempts)));
    }
    witness.what = fmt::format("{} {}", witness.user, fmt::join(parts, " and "));
    attempts.resize(std::min(attempts.size(), kListedPerWitness));
    witness.attempts = std::move(attempts);
    return witness;
}

struct Tally {
    std::int64_t users = 0;    // users with more than q
    std::int64_t surplus = 0;  // how much more, all together
    std::int64_t most = 0;     // what the user with the most has
    std::int64_t unclear = 0;  // users that may have more than q, were there rows to look at
};

Tally tally_users(const Evidence& evidence, const ByUser& rows, Finding& finding) {
    const ByUser grants = grants_by_user(evidence);
    std::vector<std::uint32_t> indeterminate(evidence.users.size());
    for (const Attempt& attempt : evidence.history.attempts) {
        if (is_indeterminate(attempt.outcome)) ++indeterminate.at(attempt.user);
    }
    const std::int64_t limit = evidence.campaign.per_user;
    Tally tally;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto stored = rows.of(user);
        const auto granted = grants.of(user);
        const Promises promises = promises_in(evidence, granted);
        const std::int64_t has =
            std::max(static_cast<std::int64_t>(stored.size()), promises.least());
        tally.most = std::max(tally.most, has);
        if (has > limit) {
            ++tally.users;
            tally.surplus += has - limit;
            finding.add_witness([&] { return witness_of(evidence, user, stored, granted); });
        } else if (promises.most() + indeterminate[user] > limit) {
            ++tally.unclear;
        }
    }
    return tally;
}

}  // namespace

Finding check_duplicate_users(const Evidence& evidence) {
    const bool rows_named = evidence.after.ledger.is_named();
    if (!rows_named) {
        if (auto finding = unless_recorded(kName, evidence)) return *finding;
    }
    const std::int64_t limit = evidence.campaign.per_user;
    const std::string no_rows = why_no_rows(evidence);
    Finding found = violated(kName, "");
    const ByUser rows = no_rows.empty() ? rows_by_user(evidence, evidence.after.ledger) : ByUser();
    const Tally tally = tally_users(evidence, rows, found);
    const std::int64_t unclear = no_rows.empty() ? 0 : tally.unclear;

    Finding finding;
    if (tally.users > 0) {
        finding = std::move(found);
        finding.summary = fmt::format("{} got more than {}: {} too many, up to {} for one user",
                                      counted(tally.users, "user"), limit,
                                      with_commas(tally.surplus), with_commas(tally.most));
        if (!no_rows.empty()) finding.summary += ", by the claim ids granted alone: " + no_rows;
    } else if (rows_named && !no_rows.empty()) {
        finding = inconclusive(kName, no_rows);
    } else if (unclear > 0) {
        finding = inconclusive(
            kName, fmt::format("{} may have got more than {}, counting answers without a claim id "
                               "and attempts without an answer; {} to tell",
                               counted(unclear, "user"), limit, no_rows));
    } else {
        finding = holds(kName, fmt::format("nobody got more than {}", limit));
        if (!rows_named) finding.summary += ", by the claim ids granted alone: " + no_rows;
        finding = unless_history_is_cut(evidence, std::move(finding));
    }
    finding.figures = {{"per_user", limit},
                       {"users", tally.users},
                       {"surplus", tally.surplus},
                       {"most", tally.most},
                       {"unclear", unclear}};
    return finding;
}

}  // namespace claimstorm
