// Property: the answers are those of one counter of S units with unique users: there is an order of
// the attempts, each taking effect at one instant of its closed interval, in which a claim is
// granted while units are left, a user has one claim at most, "already_claimed" goes to users who
// have one and "sold_out" is told when all are taken. Where `duplicates_first` is promised, nobody
// who has a claim is told "sold_out"; where tickets are promised to be both ordered and gap-free,
// ticket n belongs to the n-th claim.
// Strength: definite, an answer was given that no correct service can give.
//   An answer that repeats a claim id, or carries none, may be a replay. An unanswered attempt took
//   effect at any time after it began, or never. Where all of these are accounted for (each
//   belongs to a user who was granted nothing and has a row) and no attempt was throttled or
//   rejected, nothing can have been given back, and the order is decided exactly. Else each of them
//   may have held a unit for a while, and only what is impossible even so is violated.
//   Users with rows from before the storm are left out, and so is their share of the stock.
// Needs: the history; the rows, where settled, only to tell that nothing was given back; the
// baseline. With a cut history, or a baseline that is not known, a missing attempt or an older
// claim may explain all but two claims of one user and more grants than stock: inconclusive. Cannot
// see: what the stores hold; q above 1 (skipped).
#include <algorithm>

#include <fmt/format.h>

#include "checkers/by_user.h"
#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/linear_order.h"
#include "checkers/released.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "linearizable";

using Index = ByUser::Index;
using Why = OrderBreak::Why;

/// How many attempts may have held a unit and given it back. An unanswered attempt of a user who
/// was granted nothing and has a row is where that row came from.
std::int64_t count_may_give_back(const Evidence& evidence, const UserPartList& parts) {
    std::int64_t number = count_holders(evidence.history, kNever);
    if (!why_no_rows(evidence).empty() || !evidence.before.ledger.is_read()) return number;
    std::vector<bool> has_row(evidence.users.size(), false);
    for (const ClaimRow& row : evidence.after.ledger->rows) has_row.at(row.user) = true;
    for (UserId user = 0; user < parts.size(); ++user) {
        const UserPart part = parts[user];
        const bool is_source =
            has_row[user] && part.granted == kNoAttempt && part.unanswered != kNoAttempt;
        number -= is_source ? 1 : 0;
    }
    return number;
}

std::string who(const Evidence& evidence, Index at) {
    return fmt::format("{} (attempt {})", evidence.users.name(evidence.history.attempts[at].user),
                       at);
}

/// What is impossible about one pair of attempts, or one.
std::string in_words(const Evidence& evidence, const OrderBreak& found,
                     const OrderBreak::Pair& pair) {
    const std::string one = who(evidence, pair.attempt);
    const std::string other = pair.against == kNoAttempt ? "" : who(evidence, pair.against);
    const auto ticket_of = [&](Index at) { return evidence.history.attempts[at].ticket; };
    switch (found.why) {
        case Why::two_claims:
            return one + " was granted two claims";
        case Why::too_many:
            return one +
                   (evidence.history.attempts[pair.attempt].outcome == Outcome::granted
                        ? " has a claim"
                        : " was told to have a claim") +
                   ", and all units had been told to others before";
        case Why::unexplained_duplicate:
            return one + " was told already_claimed" +
                   (other.empty() ? ", and no other attempt can have claimed"
                                  : ", and what can have claimed began later: " + other);
        case Why::refused_holder:
            return one + " was told sold_out, and has a claim: " + other;
        case Why::late:
            return one + " has a claim and began after sold_out had been told to " + other;
        case Why::too_few:
            return fmt::format("{} was told sold_out when {} can have been taken", one,
                               counted(found.number, "unit"));
        case Why::ticket_outside:
            return fmt::format(
                "{} holds ticket {}, {}", one, ticket_of(pair.attempt),
                other.empty() ? "which is beyond the stock" : "and so does " + other);
        case Why::ticket_order:
            return fmt::format("{} holds a ticket below that of {}, and began later", one, other);
        case Why::ticket_missing:
            break;  // of nobody's attempt
    }
    return "";
}

void add_witnesses(const Evidence& evidence, const OrderBreak& found, Finding& finding) {
    for (const OrderBreak::Pair& pair : found.pairs) {
        finding.add_witness([&] {
            Witness witness;
            witness.user = evidence.users.name(evidence.history.attempts[pair.attempt].user);
            witness.attempts = {pair.attempt};
            if (pair.against != kNoAttempt) witness.attempts.push_back(pair.against);
            witness.what = in_words(evidence, found, pair);
            return witness;
        });
    }
    if (found.why != Why::ticket_missing) return;
    finding.add_witness([&] {
        Witness witness;
        witness.key = "ticket";
        witness.what = fmt::format(
            "ticket {} was told to nobody, and no unanswered attempt began early enough to hold it",
            found.number);
        return witness;
    });
}

/// "358 claims for 100 left", and how many of them only an already_claimed tells of.
std::string too_many(const OrderQuestion& question) {
    const std::int64_t claimed = count_claimed(question);
    const std::int64_t granted = count_granted(question);
    std::string summary =
        fmt::format("{} for {} left", counted(claimed, "claim"), with_commas(question.stock));
    if (granted < claimed) {
        summary += fmt::format(": {} granted, {} only told already_claimed", with_commas(granted),
                               with_commas(claimed - granted));
    }
    return summary;
}

std::string summary_of(const OrderQuestion& question, const OrderBreak& found) {
    const auto pairs = std::ssize(found.pairs);
    const std::string stock = with_commas(question.stock);
    switch (found.why) {
        case Why::two_claims:
            return counted(pairs, "user") + " granted two claims";
        case Why::too_many:
            return too_many(question);
        case Why::unexplained_duplicate:
            return counted(pairs, "user") + " told already_claimed before any claim of theirs";
        case Why::refused_holder:
            return counted(pairs, "user") + " told sold_out in spite of a claim of theirs";
        case Why::late:
            return counted(pairs, "claim") + " served that began after the first sold_out";
        case Why::too_few:
            return fmt::format("sold_out was told when {} of {} can have been taken",
                               with_commas(found.number), stock);
        case Why::ticket_outside:
            return counted(pairs, "ticket") + " beyond the stock, or told to two users";
        case Why::ticket_order:
            return counted(pairs, "ticket") + " out of the order of the claims";
        case Why::ticket_missing:
            break;
    }
    return fmt::format("ticket {} can be nobody's", with_commas(found.number));
}

/// Why the break may be none after all: a missing attempt or an older claim could explain it, but
/// not two claims of one user, nor more users who were told yes than there was stock.
std::string why_open(const Evidence& evidence, const OrderQuestion& question,
                     const OrderBreak& found) {
    if (found.why == Why::two_claims || count_granted(question) > question.stock) return "";
    const auto& before = evidence.before.ledger;
    if (before.is_read()) return but_history_is_cut(evidence);
    return before.is_named() ? "; but the rows before the storm could not be read: " + before.why()
                             : "; but the rows before the storm are not known";
}

Finding judge(const Evidence& evidence, const OrderQuestion& question,
              const std::optional<OrderBreak>& found, bool only_if_given_back,
              std::int64_t may_give_back) {
    if (!found) {
        std::string summary =
            fmt::format("one order of all attempts explains every answer: {} for {} left",
                        counted(count_claimed(question), "claim"), with_commas(question.stock));
        if (only_if_given_back) {
            summary += fmt::format("; but only if units were given back, as {} may have done",
                                   counted(may_give_back, "failed attempt"));
        }
        return unless_history_is_cut(evidence, holds(kName, summary));
    }
    const std::string open = why_open(evidence, question, *found);
    Finding finding = open.empty() ? violated(kName, summary_of(question, *found))
                                   : inconclusive(kName, summary_of(question, *found) + open);
    add_witnesses(evidence, *found, finding);
    return finding;
}

}  // namespace

Finding check_linearizable(const Evidence& evidence) {
    if (auto finding = unless_recorded(kName, evidence)) return *finding;
    if (evidence.campaign.per_user != 1) {
        return skipped(kName, fmt::format("judged where a user may have one claim; here it is {}",
                                          with_commas(evidence.campaign.per_user)));
    }
    const OrderQuestion question = order_question(evidence);
    const std::int64_t may_give_back = count_may_give_back(evidence, question.users);
    const auto if_kept = find_break(question, Failed::keeps_or_nothing);
    const auto found = may_give_back > 0 ? find_break(question, Failed::may_give_back) : if_kept;
    const bool only_if_given_back = if_kept.has_value() && !found.has_value();
    Finding finding = judge(evidence, question, found, only_if_given_back, may_give_back);
    const std::int64_t claimed = count_claimed(question);
    finding.figures = {
        {"stock", question.stock},
        {"claims", claimed},
        {"only_told", claimed - count_granted(question)},
        {"may_be_released", may_give_back},
        {"impossible", found ? std::max<std::int64_t>(1, std::ssize(found->pairs)) : 0}};
    return finding;
}

}  // namespace claimstorm
