// Property: every acknowledged grant has a row (A is contained in D or P), and P is empty at rest.
// Definite: the client holds a yes and the primary holds nothing for it.
// Needs: the history, the claims query, settled stores; the backlog where there is a queue.
//   Where granted answers and rows carry claim ids, a grant needs the row of that id under the
//   same user. If not one granted id occurs in the ledger, the two are different kinds of id and
//   rows are counted per user, as they are where either side has none, or only some rows have one.
//   Counted, a user lost a claim when fewer rows stand than that user's distinct promises; answers
//   without an id may be replays, so at most q of them ask for a row, and only the first
//   definitely. A shortfall that a replay, or a row from before the storm, could explain is
//   inconclusive.
// Queued claims may be the missing ones: violated only for more missing grants than are queued (one
// queue entry a claim), else inconclusive. A cut history or an unread baseline leaves a lost claim
// lost; none found is then inconclusive (without a baseline: only if rows had to be counted).
// Cannot see: a row written and deleted again before the snapshot (it reports it as lost); which of
// two id-less promises a single row belongs to.
#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "checkers/carried.h"
#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/told.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "lost_claims";
constexpr ByUser::Index kNoRow = std::numeric_limits<ByUser::Index>::max();

struct Groups {
    ByUser grants;
    ByUser rows;      // after the storm
    ByUser old_rows;  // before it
};

/// Adds to `missing` the first attempt of each granted id that no row of the same user carries.
/// Returns how many ids were found. Precondition: every row has an id.
std::int64_t match_ids(const Evidence& evidence, const Groups& groups, UserId user,
                       std::vector<ByUser::Index>& missing) {
    const auto rows = groups.rows.of(user);
    const auto grants = groups.grants.of(user);
    if (grants.size() == 1 && rows.size() == 1) {  // almost everybody, and with one text for both
        const TextRef id = evidence.history.attempts[grants.front()].claim_id;
        const TextRef stored = evidence.after.ledger->rows[rows.front()].claim_id;
        if (id == stored) return 1;
    }
    auto row = rows.begin();
    std::int64_t matched = 0;
    std::string_view last;
    for (const ByUser::Index at : grants) {
        const std::string_view id = granted_id(evidence, at);
        if (id.empty() || id == last) continue;
        last = id;
        while (row != rows.end() && row_id(evidence, evidence.after.ledger, *row) < id) ++row;
        if (row != rows.end() && row_id(evidence, evidence.after.ledger, *row) == id) {
            ++matched;
        } else {
            missing.push_back(at);
        }
    }
    return matched;
}

/// The rows of other users that carry the ids of missing grants.
class Owners {
  public:
    Owners(const Evidence& evidence, const std::vector<ByUser::Index>& missing) {
        for (const ByUser::Index at : missing) ids_.intern(granted_id(evidence, at));
        rows_.assign(ids_.size(), kNoRow);
        if (missing.empty()) return;
        ByUser::Index at = 0;
        for (const ClaimRow& row : evidence.after.ledger->rows) {
            const auto id = ids_.find(evidence.texts.view(row.claim_id));
            if (id) rows_[*id] = at;
            ++at;
        }
    }

    bool any() const {
        return std::any_of(rows_.begin(), rows_.end(), [](auto row) { return row != kNoRow; });
    }

    /// kNoRow when no row carries it.
    ByUser::Index row_of(std::string_view id) const { return rows_[*ids_.find(id)]; }

  private:
    Names ids_;
    std::vector<ByUser::Index> rows_;  // by the id's number in ids_
};

/// Whether both sides name claims: some granted answer has an id and every row has one.
bool both_have_ids(const Evidence& evidence) {
    const auto has_id = [](const auto& item) { return !TextPool::is_empty(item.claim_id); };
    const auto& attempts = evidence.history.attempts;
    const auto& rows = evidence.after.ledger->rows;
    return !rows.empty() && std::all_of(rows.begin(), rows.end(), has_id) &&
           std::any_of(attempts.begin(), attempts.end(), [&](const Attempt& attempt) {
               return attempt.outcome == Outcome::granted && has_id(attempt);
           });
}

/// Why the rows were counted per user although both sides could name claims; empty when that is not
/// so. `matched`: some granted id occurs in the ledger.
std::string remark_on_ids(const Evidence& evidence, bool both, bool matched) {
    if (both) {
        return matched
                   ? ""
                   : "; no granted claim id occurs in the ledger, so rows were counted per user";
    }
    const auto& rows = evidence.after.ledger->rows;
    const auto without = std::count_if(rows.begin(), rows.end(), [](const ClaimRow& row) {
        return TextPool::is_empty(row.claim_id);
    });
    const std::string partly =
        partly_carried(without, static_cast<std::int64_t>(rows.size()), "claim id");
    return partly.empty() ? "" : fmt::format("; {}, so rows were counted per user", partly);
}

struct Tally {
    std::int64_t granted = 0;          // distinct promises
    std::int64_t lost = 0;             // of these, certainly without a row
    std::int64_t unclear = 0;          // of these, perhaps without one
    std::int64_t owned_by_others = 0;  // of the lost, how many ids stand under another user
    bool counted = false;              // some user's rows had to be counted, not matched
};

Witness lost_id(const Evidence& evidence, ByUser::Index at, ByUser::Index owner_row) {
    Witness witness;
    const std::string_view id = granted_id(evidence, at);
    witness.user = evidence.users.name(evidence.history.attempts[at].user);
    witness.claim_ids.emplace_back(id);
    witness.attempts = {at};
    witness.what = fmt::format("{} was granted claim {} (attempt {}), ", witness.user, id, at);
    if (owner_row == kNoRow) {
        witness.what += "which has no row";
    } else {
        const UserId owner = evidence.after.ledger->rows[owner_row].user;
        witness.what += fmt::format("whose row belongs to {}", evidence.users.name(owner));
    }
    return witness;
}

Witness lost_count(const Evidence& evidence, const Groups& groups, UserId user) {
    Witness witness;
    const auto granted = groups.grants.of(user);
    witness.user = evidence.users.name(user);
    std::vector<ByUser::Index> firsts;
    add_distinct(evidence, granted, firsts);
    for (const ByUser::Index at : firsts) {
        const std::string_view id = granted_id(evidence, at);
        if (!id.empty() && witness.claim_ids.size() < kListedPerWitness) {
            witness.claim_ids.emplace_back(id);
        }
    }
    std::vector<std::uint64_t> attempts(granted.begin(), granted.end());
    std::sort(attempts.begin(), attempts.end());
    const auto rows = static_cast<std::int64_t>(groups.rows.of(user).size());
    witness.what = fmt::format("{} was granted {} ({}) and has {}", witness.user,
                               counted(static_cast<std::int64_t>(firsts.size()), "claim"),
                               attempts_in_words(attempts),
                               rows == 0 ? "no row" : "only " + counted(rows, "row"));
    attempts.resize(std::min(attempts.size(), kListedPerWitness));
    witness.attempts = std::move(attempts);
    return witness;
}

/// Tallies one user and adds the witnesses. `scratch` is reused from user to user.
void tally_user(const Evidence& evidence, const Groups& groups, UserId user, const Owners* owners,
                std::vector<ByUser::Index>& scratch, Tally& tally, Finding& finding) {
    const Promises promises = promises_in(evidence, groups.grants.of(user));
    const auto stored = static_cast<std::int64_t>(groups.rows.of(user).size());
    scratch.clear();
    subtract_rows(evidence, groups.rows.of(user), groups.old_rows.of(user), scratch);
    auto held = static_cast<std::int64_t>(scratch.size());

    std::int64_t lost = 0;
    if (owners != nullptr && promises.with_id > 0) {
        scratch.clear();
        held = std::max(held, match_ids(evidence, groups, user, scratch));
        lost = static_cast<std::int64_t>(scratch.size());
        for (const ByUser::Index at : scratch) {
            const ByUser::Index owner = owners->row_of(granted_id(evidence, at));
            tally.owned_by_others += owner != kNoRow ? 1 : 0;
            finding.add_witness([&] { return lost_id(evidence, at, owner); });
        }
        tally.counted |= promises.without_id > 0;
    } else {
        lost = std::max<std::int64_t>(0, promises.least() - stored);
        if (lost > 0) finding.add_witness([&] { return lost_count(evidence, groups, user); });
        tally.counted = true;
    }
    const std::int64_t expected =
        std::max(promises.least(), std::min(promises.most(), evidence.campaign.per_user));
    tally.granted += expected;
    tally.lost += lost;
    tally.unclear += std::max<std::int64_t>(0, expected - held - lost);
}

/// Why the finding may not hold although nothing was certainly lost; empty when it holds.
std::string what_is_open(const Evidence& evidence, const Tally& tally) {
    if (tally.unclear > 0) {
        return counted(tally.unclear, "granted answer") +
               " without a row: replays of older ones, or lost claims";
    }
    const auto& before = evidence.before.ledger;
    if (!tally.counted || before.is_read()) return "";
    if (!before.is_named()) return "the rows before the storm are not known";
    return "the rows before the storm could not be read: " + before.why();
}

/// The verdict of a tally, its witnesses being in `found`.
Finding judge(const Evidence& evidence, const Tally& tally, const std::string& remark,
              Finding found) {
    const auto& backlog = evidence.after.backlog;
    const std::int64_t queued = backlog.is_read() ? *backlog : 0;
    if (tally.lost == 0) {
        std::string summary = tally.granted == 0 ? "nobody was told granted"
                                                 : fmt::format("every grant of {} has its row",
                                                               with_commas(tally.granted));
        if (queued > 0) summary += fmt::format("; {} still queued", counted(queued, "claim"));
        summary += remark;
        const std::string open = what_is_open(evidence, tally);
        if (!open.empty()) return inconclusive(kName, open + remark);
        return unless_history_is_cut(evidence, holds(kName, summary));
    }
    const std::string missing = fmt::format("{} of {} without a row", with_commas(tally.lost),
                                            counted(tally.granted, "grant"));
    Finding finding = std::move(found);
    if (backlog.is_named() && !backlog.is_read()) {
        finding.verdict = Verdict::inconclusive;
        finding.summary = missing + "; the backlog could not be read: " + backlog.why();
    } else if (tally.lost <= queued) {
        finding.verdict = Verdict::inconclusive;
        finding.summary = fmt::format("{}, but {} still queued when the wait ended", missing,
                                      counted(queued, "claim"));
    } else if (queued > 0) {
        finding.summary =
            fmt::format("{}: {} lost even if all {} still queued are among them", missing,
                        with_commas(tally.lost - queued), with_commas(queued));
    } else {
        finding.summary = missing + ": told yes, nothing stored";
    }
    if (tally.owned_by_others > 0) {
        finding.summary +=
            fmt::format("; {} stand under another user", with_commas(tally.owned_by_others));
    }
    finding.summary += remark;
    return finding;
}

}  // namespace

Finding check_lost_claims(const Evidence& evidence) {
    if (auto finding = unless_read(kName, evidence.after.ledger, "claims query")) return *finding;
    if (auto finding = unless_recorded(kName, evidence)) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;
    if (auto finding = unless_names_differ(kName, evidence)) return *finding;

    const Groups groups{grants_by_user(evidence), rows_by_user(evidence, evidence.after.ledger),
                        rows_by_user(evidence, evidence.before.ledger)};
    std::vector<ByUser::Index> missing;
    std::int64_t matched = 0;
    const bool both = both_have_ids(evidence);
    if (both) {
        for (UserId user = 0; user < evidence.users.size(); ++user) {
            matched += match_ids(evidence, groups, user, missing);
        }
    }
    const Owners owners(evidence, missing);
    const bool same_kind = both && (matched > 0 || owners.any());

    Finding found = violated(kName, "");
    Tally tally;
    std::vector<ByUser::Index> scratch;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        if (groups.grants.of(user).empty()) continue;
        tally_user(evidence, groups, user, same_kind ? &owners : nullptr, scratch, tally, found);
    }
    Finding finding =
        judge(evidence, tally, remark_on_ids(evidence, both, same_kind), std::move(found));
    finding.figures = {{"granted", tally.granted},
                       {"lost", tally.lost},
                       {"owned_by_others", tally.owned_by_others},
                       {"unclear", tally.unclear}};
    if (evidence.after.backlog.is_read()) {
        finding.figures.push_back({"backlog", *evidence.after.backlog});
    }
    return finding;
}

}  // namespace claimstorm
