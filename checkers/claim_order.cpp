// Property: no claim is granted in an attempt that began after somebody had been told "sold out";
// and, where the campaign promises `ordered_tickets`, no ticket is smaller than that of a claim
// that had been answered before this one began.
// Intervals are closed and the clock is the client's own: "after" is later by at least a
// nanosecond, what touches overlaps and proves nothing.
//   An answer that repeats a claim id is a replay: a claim begins with the first attempt that told
//   of it, and may do so with any unanswered attempt of its user. Users with rows from before the
//   storm may be given their old answer again and are left out.
//   A row of a user who never learned the result is a claim as well: it began with the first of
//   that user's unanswered attempts, at the earliest.
// Strength: a unit given after the refusal was free at some time after it, so as many units must
// have been given back as claims were served late. Those that may have been: one for each attempt
// sent before the refusal ended that was neither granted nor refused for the stock's or the user's
// sake (unknown, pending, throttled, rejected), for each row of the baseline that is gone, and for
// each grant without a row. More late claims than that are definite; as many or fewer are what a
// service that gives units back may do, and hold. A cut history or an unread baseline may hide
// the first telling of a claim: inconclusive. Where no claims query is named: possible.
// Needs: the history; the rows, where settled, for claims nobody was told of and units given back.
// Cannot see: a refusal that was wrong and followed by no grant (false_sold_out, linearizable); the
// order among claims that overlap; that of tickets where nothing is promised of it.
#include <algorithm>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "checkers/by_user.h"
#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/in_ms.h"
#include "checkers/linear_order.h"
#include "checkers/released.h"
#include "checkers/served.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "claim_order";

/// The rows of users who never learned the result, whose claims began after `instant`.
std::vector<Served> claims_recovered(const Evidence& evidence, const Unanswered& unanswered,
                                     TimeNs instant) {
    std::vector<Served> claims;
    if (unanswered.empty()) return claims;
    if (!why_no_rows(evidence).empty() || !evidence.before.ledger.is_read()) return claims;
    const ByUser grants = grants_by_user(evidence);
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const ByUser::Index first = unanswered.attempt(user);
        const bool is_recovered = first != kNoAttempt && grants.of(user).empty() &&
                                  !rows.of(user).empty() && old_rows.of(user).empty();
        if (!is_recovered) continue;
        const TimeNs began = evidence.history.attempts[first].sent_ns;
        if (began > instant) claims.push_back({first, began, kNever, began, kNoNumber});
    }
    return claims;
}

void sort_by_beginning(std::vector<Served>& claims) {
    std::sort(claims.begin(), claims.end(), [](const Served& left, const Served& right) {
        return std::tuple(left.began, left.at) < std::tuple(right.began, right.at);
    });
}

void add_late(const Evidence& evidence, const std::vector<Served>& late, ByUser::Index refusal,
              std::string_view what, Finding& finding) {
    const Attempt& refused = evidence.history.attempts[refusal];
    for (const Served& claim : late) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(evidence.history.attempts[claim.at].user);
            witness.attempts = {claim.at, refusal};
            const std::string_view id = granted_id(evidence, claim.at);
            if (!id.empty()) witness.claim_ids.emplace_back(id);
            witness.what = fmt::format(
                "{} {} in attempt {}, which began {:.3f} ms after {} had been told sold_out "
                "(attempt {})",
                witness.user, what, claim.at, in_ms(claim.began - refused.done_ns),
                evidence.users.name(refused.user), refusal);
            return witness;
        });
    }
}

/// Counts the claims whose ticket is smaller than that of one answered before they began: from the
/// highest ticket down, the earliest answer above is the one to have begun before.
std::int64_t count_jumps(const Evidence& evidence, std::vector<Served> claims, Finding& finding) {
    std::erase_if(claims, [](const Served& claim) { return claim.ticket == kNoNumber; });
    std::sort(claims.begin(), claims.end(), [](const Served& left, const Served& right) {
        return std::tuple(right.ticket, left.at) < std::tuple(left.ticket, right.at);
    });
    const Served* above = nullptr;      // answered first among those with a higher ticket
    const Served* candidate = nullptr;  // the same, those with this ticket included
    std::int64_t jumps = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
        const Served& claim = claims[i];
        if (i > 0 && claim.ticket != claims[i - 1].ticket) above = candidate;
        if (candidate == nullptr || claim.told < candidate->told) candidate = &claim;
        if (above == nullptr || claim.may_have_begun <= above->told) continue;
        ++jumps;
        finding.add_witness([&] {
            const auto& attempts = evidence.history.attempts;
            Witness witness;
            witness.user = evidence.users.name(attempts[claim.at].user);
            witness.attempts = {claim.at, above->at};
            witness.what = fmt::format(
                "{} holds ticket {}, and began (attempt {}) after {} had been told ticket {} "
                "(attempt {})",
                witness.user, claim.ticket, claim.at, evidence.users.name(attempts[above->at].user),
                above->ticket, above->at);
            return witness;
        });
    }
    return jumps;
}

struct Tally {
    std::int64_t refusals = 0;   // answers sold_out
    std::int64_t late = 0;       // promises that began after the first of them
    std::int64_t recovered = 0;  // rows nobody was told of that did
    std::int64_t released = 0;   // units that may have come back
    std::int64_t jumps = 0;

    bool flaps() const { return late + recovered > released; }
};

std::string what_came_late(const Tally& tally) {
    std::string what = counted(tally.late + tally.recovered, "claim") +
                       " served in attempts that began after the first sold_out";
    if (tally.recovered > 0) {
        what += fmt::format(", {} of them without an answer", with_commas(tally.recovered));
    }
    return what;
}

Finding judge(const Evidence& evidence, const Tally& tally, Finding found) {
    std::vector<std::string> parts;
    if (tally.flaps()) {
        parts.push_back(what_came_late(tally));
        if (tally.released > 0) {
            parts.back() +=
                fmt::format(", {} may have been given back", counted(tally.released, "unit"));
        }
    }
    if (tally.jumps > 0) {
        parts.push_back(fmt::format("{} with a ticket smaller than one told before they began",
                                    counted(tally.jumps, "claim")));
    }
    if (parts.empty()) {
        std::string summary = tally.refusals == 0 ? "nobody was told sold_out"
                                                  : "nobody was served who came after a sold_out";
        if (tally.late + tally.recovered > 0) {
            summary = fmt::format("{}; {} may have been given back", what_came_late(tally),
                                  counted(tally.released, "unit"));
        }
        if (evidence.campaign.ordered_tickets) summary += "; tickets in the order of the claims";
        return unless_history_is_cut(evidence, holds(kName, summary));
    }
    Finding finding = std::move(found);
    finding.summary = fmt::format("{}", fmt::join(parts, "; "));
    const auto& before = evidence.before.ledger;
    if (!before.is_read()) {
        finding.strength = Strength::possible;
        finding.summary += "; the rows before the storm are not known, so grants may be replays";
    }
    const bool unread = before.is_named() && !before.is_read();
    if (unread || !evidence.history.missing_tail.empty()) {
        finding.verdict = Verdict::inconclusive;
    }
    finding.summary += but_history_is_cut(evidence);
    return finding;
}

}  // namespace

Finding check_claim_order(const Evidence& evidence) {
    if (auto finding = unless_recorded(kName, evidence)) return *finding;

    const History& history = evidence.history;
    const Unanswered unanswered(evidence);
    std::vector<Served> promised;
    std::vector<Served> recovered;
    Finding found = violated(kName, "");
    Tally tally;
    const ByUser::Index refusal = first_sold_out(history);
    if (refusal != kNoAttempt) {
        const TimeNs instant = history.attempts[refusal].done_ns;
        tally.refusals = std::count_if(
            history.attempts.begin(), history.attempts.end(),
            [](const Attempt& attempt) { return attempt.outcome == Outcome::sold_out; });
        promised = claims_told(evidence, unanswered, instant);
        recovered = claims_recovered(evidence, unanswered, instant);
        tally.late = std::ssize(promised);
        tally.recovered = std::ssize(recovered);
        tally.released = count_holders(history, instant);
        const bool some_late = tally.late + tally.recovered > 0;
        if (some_late && why_no_rows(evidence).empty()) {
            tally.released += count_rows_gone(evidence);
        }
    }
    if (tally.flaps()) {
        sort_by_beginning(promised);
        sort_by_beginning(recovered);
        add_late(evidence, promised, refusal, "was granted", found);
        add_late(evidence, recovered, refusal, "has a row and only began", found);
    }
    if (evidence.campaign.ordered_tickets) {
        tally.jumps = count_jumps(evidence, claims_told(evidence, unanswered), found);
    }
    Finding finding = judge(evidence, tally, std::move(found));
    finding.figures = {{"sold_out_answers", tally.refusals},
                       {"late", tally.late},
                       {"recovered_late", tally.recovered},
                       {"may_be_released", tally.released},
                       {"queue_jumps", tally.jumps}};
    return finding;
}

}  // namespace claimstorm
