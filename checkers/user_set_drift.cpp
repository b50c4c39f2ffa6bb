// Property: C = users(D) u users(P) at rest: the cache's set of those who have claimed is exactly
// the users with a row, and those whose claim is still queued. D counts every row, those from
// before the storm included.
//   C without D: locked out. The set says "already claimed", nothing is stored for them.
//   D without C: can claim again. The set lets them in, only the database can stop them.
// Definite: two sets of names, both at rest. That a lost reply may be the reason is said (how many
// of the locked out never learned their result) and excuses nothing.
// Needs: the cache's user set, the claims query, settled stores; the backlog where one is named.
//   Whose claims are queued is not known. Up to p of the locked out may be among them: more are
//   violated, as many or fewer inconclusive, and so is a set that agrees while claims are queued.
//   Where the set and the rows have nobody in common and nobody of the set took part in the storm,
//   the two spell their users differently, which accuses nobody: inconclusive.
// Cannot see: how many claims the set believes a user to have (with per_user above 1 a member is
// taken to be somebody with at least one); a drift from before the storm is counted as old.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/sold.h"
#include "checkers/told.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "user_set_drift";

// Where a user stands, as bits.
constexpr std::uint8_t kInSet = 1;
constexpr std::uint8_t kHasRow = 2;
constexpr std::uint8_t kWasInSet = 4;
constexpr std::uint8_t kHadRow = 8;
constexpr std::uint8_t kTookPart = 16;
constexpr std::uint8_t kUnanswered = 32;

std::vector<std::uint8_t> places_of(const Evidence& evidence) {
    std::vector<std::uint8_t> places(evidence.users.size());
    const auto mark = [&](const Snapshot& snapshot, std::uint8_t in_set, std::uint8_t has_row) {
        if (!snapshot.cache_users.is_read() || !snapshot.ledger.is_read()) return;
        for (const UserId user : *snapshot.cache_users) places.at(user) |= in_set;
        for (const ClaimRow& row : snapshot.ledger->rows) places.at(row.user) |= has_row;
    };
    mark(evidence.after, kInSet, kHasRow);
    mark(evidence.before, kWasInSet, kHadRow);
    for (const Attempt& attempt : evidence.history.attempts) {
        std::uint8_t& place = places.at(attempt.user);
        place |= kTookPart;
        if (is_indeterminate(attempt.outcome)) place |= kUnanswered;
    }
    return places;
}

struct Tally {
    std::int64_t members = 0;          // of the cache's set
    std::int64_t users_with_rows = 0;  // in the database
    bool some_in_both = false;
    bool some_member_in_storm = false;
    std::int64_t locked_out = 0;       // in the set, without a row
    std::int64_t unanswered = 0;       // of these, with an attempt that was never answered
    std::int64_t can_claim_again = 0;  // with a row, not in the set
    std::int64_t old = 0;              // of both, those of whom it was true before the storm
    std::vector<UserId> kept;          // as many of both as make witnesses
};

Tally tally_users(const std::vector<std::uint8_t>& places) {
    Tally tally;
    for (UserId user = 0; user < places.size(); ++user) {
        const std::uint8_t place = places[user];
        const bool member = (place & kInSet) != 0;
        const bool has_row = (place & kHasRow) != 0;
        tally.members += member ? 1 : 0;
        tally.users_with_rows += has_row ? 1 : 0;
        tally.some_in_both |= member && has_row;
        tally.some_member_in_storm |= member && (place & kTookPart) != 0;
        if (member == has_row) continue;
        if (member) {
            ++tally.locked_out;
            tally.unanswered += (place & kUnanswered) != 0 ? 1 : 0;
        } else {
            ++tally.can_claim_again;
        }
        const int was_wrong = member ? kWasInSet : kHadRow;
        tally.old += (place & (kWasInSet | kHadRow)) == was_wrong ? 1 : 0;
        if (tally.kept.size() < kWitnessesKept) tally.kept.push_back(user);
    }
    return tally;
}

void add_witnesses(const Evidence& evidence, const std::vector<std::uint8_t>& places,
                   const Tally& tally, Finding& finding) {
    const AttemptsOf attempts(evidence, tally.kept);
    for (const UserId user : tally.kept) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(user);
            witness.attempts = attempts.listed(user);
            const bool member = (places[user] & kInSet) != 0;
            witness.what = fmt::format(
                "{} {} and {}", witness.user,
                member ? "is in the cache's set, has no row" : "has a row, is not in the set",
                attempts.what_was_told(user));
            return witness;
        });
    }
    finding.witness_count = static_cast<std::uint64_t>(tally.locked_out + tally.can_claim_again);
}

std::string what_differs(const Tally& tally) {
    std::string what;
    if (tally.locked_out > 0) {
        what = fmt::format("{} locked out: in the cache's set, without a row",
                           counted(tally.locked_out, "user"));
        if (tally.unanswered > 0) {
            what += fmt::format(" ({} never learned the result)", with_commas(tally.unanswered));
        }
    }
    if (tally.can_claim_again > 0) {
        what += fmt::format("{}{} can claim again: with a row, not in the cache's set",
                            what.empty() ? "" : "; ", counted(tally.can_claim_again, "user"));
    }
    if (tally.old > 0) {
        what += fmt::format("; {} of these were so before the storm", with_commas(tally.old));
    }
    return what;
}

/// Whether the set and the rows seem to speak of the same people under other names.
bool spell_differently(const Tally& tally) {
    constexpr std::int64_t kSeveral = 3;
    return tally.members >= kSeveral && tally.users_with_rows >= kSeveral && !tally.some_in_both &&
           !tally.some_member_in_storm;
}

Finding spelled_differently(const Evidence& evidence) {
    return inconclusive(
        kName, fmt::format("the cache's set says '{}', the column user says '{}', and nobody is in "
                           "both: make redis.users and the claims query agree",
                           evidence.users.name(evidence.after.cache_users->front()),
                           evidence.users.name(evidence.after.ledger->rows.front().user)));
}

Finding judge(const Evidence& evidence, const std::vector<std::uint8_t>& places, const Tally& tally,
              std::int64_t queued) {
    const std::string agreed = fmt::format("the {} of the cache's set are the users with a row",
                                           tally.members == 1 ? "one" : with_commas(tally.members));
    if (tally.locked_out + tally.can_claim_again == 0) {
        if (queued == 0) return holds(kName, agreed);
        return inconclusive(kName, fmt::format("{}, but {} still queued, of users not known",
                                               agreed, counted(queued, "claim")));
    }
    const bool may_be_queued = tally.can_claim_again == 0 && tally.locked_out <= queued;
    Finding finding = may_be_queued ? inconclusive(kName, "") : violated(kName, "");
    finding.summary = what_differs(tally);
    if (queued > 0) {
        finding.summary +=
            fmt::format("; {} still queued, of users not known", counted(queued, "claim"));
    }
    add_witnesses(evidence, places, tally, finding);
    return finding;
}

}  // namespace

Finding check_user_set_drift(const Evidence& evidence) {
    if (auto finding = unless_read(kName, evidence.after.cache_users, "user set in the cache")) {
        return *finding;
    }
    if (auto finding = unless_sold_is_known(kName, evidence)) return *finding;
    if (auto finding = unless_names_differ(kName, evidence)) return *finding;

    const std::vector<std::uint8_t> places = places_of(evidence);
    const Tally tally = tally_users(places);
    Finding finding = spell_differently(tally)
                          ? spelled_differently(evidence)
                          : judge(evidence, places, tally, sold_at_rest(evidence).queued);
    finding.figures = {{"cache_users", tally.members},
                       {"users_with_rows", tally.users_with_rows},
                       {"locked_out", tally.locked_out},
                       {"unanswered", tally.unanswered},
                       {"can_claim_again", tally.can_claim_again},
                       {"old", tally.old}};
    if (evidence.after.backlog.is_read()) {
        finding.figures.push_back({"backlog", *evidence.after.backlog});
    }
    return finding;
}

}  // namespace claimstorm
