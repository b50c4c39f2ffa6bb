// Property: no ticket is held twice, each lies within [1, S], and, where the campaign promises
// `gap_free_tickets`, none is missing between 1 and the highest.
// Held is what a row says and what a client was told. A row and an answer of one user may name the
// same ticket: they are one claim. Two rows, two distinct promises, or two users may not.
// Strength: a duplicate and a ticket outside are definite, they are numbers in somebody's hand.
//   A missing number is definite where all rows carry a ticket and nothing is queued. By the
//   answers alone it is possible: an unanswered attempt may hold it; with a cut history, or rows
//   that are named and cannot be judged, it is inconclusive. As many missing numbers as there are
//   queued claims and rows without a ticket may be theirs: where nothing else is wrong, these are
//   inconclusive. Rows without a ticket where others have one are said in any case.
//   Where the rows spell the users otherwise than the storm, a row and an answer with the same
//   number cannot be told apart from one claim: they accuse nobody, and nothing wrong is
//   inconclusive.
// Needs: tickets, in the rows (column ticket) with settled stores, or in the answers
// (fields.ticket). Without a readable ledger the answers are judged by themselves; with a cut
// history nothing wrong is inconclusive. Skipped where nothing carries a ticket.
// Cannot see: numbers burnt above the highest that was given (undersell does, where they cost
// stock); an answer that names another free number than its row; the order of the tickets.
#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "checkers/carried.h"
#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/sold.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "tickets";

/// One number in somebody's hand: 16 bytes.
struct Held {
    std::int64_t ticket = 0;
    ByUser::Index at = 0;  // the row, or the attempt
    bool is_row = false;
};

/// Every ticket of a row and of a distinct promise, by number, rows first.
std::vector<Held> tickets_held(const Evidence& evidence, bool with_rows) {
    std::vector<Held> held;
    const ClaimRowList none;
    const auto& rows = with_rows ? evidence.after.ledger->rows : none;
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (rows[at].ticket == kNoNumber) continue;
        held.push_back({rows[at].ticket, static_cast<ByUser::Index>(at), true});
    }
    const ByUser grants = grants_by_user(evidence);
    std::vector<ByUser::Index> firsts;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        firsts.clear();
        add_distinct(evidence, grants.of(user), firsts);
        for (const ByUser::Index at : firsts) {
            const std::int64_t ticket = evidence.history.attempts[at].ticket;
            if (ticket != kNoNumber) held.push_back({ticket, at, false});
        }
    }
    std::sort(held.begin(), held.end(), [](const Held& left, const Held& right) {
        return std::tuple(left.ticket, !left.is_row, left.at) <
               std::tuple(right.ticket, !right.is_row, right.at);
    });
    return held;
}

UserId holder_of(const Evidence& evidence, const Held& held) {
    return held.is_row ? evidence.after.ledger->rows[held.at].user
                       : evidence.history.attempts[held.at].user;
}

std::string in_words(const Evidence& evidence, const Held& held) {
    const TextRef ref = held.is_row ? evidence.after.ledger->rows[held.at].claim_id
                                    : evidence.history.attempts[held.at].claim_id;
    const std::string_view id = evidence.texts.view(ref);
    return fmt::format("{} ({}{})", evidence.users.name(holder_of(evidence, held)),
                       id.empty() ? "" : fmt::format("claim {}, ", id),
                       held.is_row ? std::string("stored") : fmt::format("attempt {}", held.at));
}

/// The holders of one number who cannot be one and the same claim; rows come first in `group`.
bool is_held_twice(std::span<const Held> group) {
    const auto rows =
        std::count_if(group.begin(), group.end(), [](const Held& held) { return held.is_row; });
    return rows > 1 || static_cast<std::ptrdiff_t>(group.size()) - rows > 1;
}

/// A row and an answer that share a number and no user, and nobody else.
bool is_held_by_two_users(const Evidence& evidence, std::span<const Held> group) {
    return group.size() == 2 && holder_of(evidence, group[0]) != holder_of(evidence, group[1]);
}

Witness witness_of(const Evidence& evidence, std::span<const Held> group, std::string_view why) {
    constexpr std::size_t kNamed = 3;
    Witness witness;
    witness.user = evidence.users.name(holder_of(evidence, group.front()));
    std::vector<std::string> holders;
    for (const Held& held : group.first(std::min(group.size(), kNamed))) {
        holders.push_back(in_words(evidence, held));
        if (!held.is_row) witness.attempts.push_back(held.at);
    }
    witness.what =
        fmt::format("ticket {} {} {}", group.front().ticket, why, fmt::join(holders, " and "));
    if (group.size() > kNamed) {
        witness.what += fmt::format(" and {} more", group.size() - kNamed);
    }
    return witness;
}

struct Tally {
    std::int64_t tickets = 0;     // distinct numbers held
    std::int64_t highest = 0;     // of those within [1, S]
    std::int64_t duplicates = 0;  // numbers held more than once
    std::int64_t outside = 0;     // numbers beyond [1, S]
    std::int64_t missing = 0;     // numbers between 1 and the highest that nobody holds
    std::int64_t open = 0;        // held by a row and an answer whose users cannot be compared
};

void add_gap(std::int64_t from, std::int64_t to, Tally& tally, Finding& finding) {
    if (from >= to) return;
    tally.missing += to - from;
    finding.add_witness([&] {
        Witness witness;
        witness.key = "ticket";
        witness.what = to - from == 1
                           ? fmt::format("nobody holds ticket {}", from)
                           : fmt::format("nobody holds the tickets {} to {}", from, to - 1);
        return witness;
    });
}

/// `same_names`: a user is called the same in the rows and by the storm.
Tally tally_tickets(const Evidence& evidence, std::span<const Held> held, bool same_names,
                    Finding& finding) {
    Tally tally;
    for (std::size_t begin = 0; begin < held.size();) {
        std::size_t end = begin;
        while (end < held.size() && held[end].ticket == held[begin].ticket) ++end;
        const auto group = held.subspan(begin, end - begin);
        const std::int64_t ticket = group.front().ticket;
        begin = end;
        ++tally.tickets;
        const bool two_users = is_held_by_two_users(evidence, group);
        if (two_users && !same_names) ++tally.open;
        if (is_held_twice(group) || (two_users && same_names)) {
            ++tally.duplicates;
            finding.add_witness([&] { return witness_of(evidence, group, "is held by"); });
        }
        if (ticket < 1 || ticket > evidence.campaign.stock) {
            ++tally.outside;
            finding.add_witness([&] {
                return witness_of(
                    evidence, group,
                    fmt::format("is not one of 1 to {}, yet held by", evidence.campaign.stock));
            });
            continue;
        }
        if (evidence.campaign.gap_free_tickets) add_gap(tally.highest + 1, ticket, tally, finding);
        tally.highest = ticket;
    }
    return tally;
}

/// How many rows carry no ticket where others do. They may hold what is missing.
std::int64_t rows_without_ticket(const Evidence& evidence, bool by_rows) {
    if (!by_rows) return 0;
    const auto& rows = evidence.after.ledger->rows;
    return std::count_if(rows.begin(), rows.end(),
                         [](const ClaimRow& row) { return row.ticket == kNoNumber; });
}

/// What is to be said of rows that carry no ticket where others do.
std::string remark_on_rows(const Evidence& evidence, bool by_rows) {
    if (!by_rows) return "";
    const std::string partly =
        partly_carried(rows_without_ticket(evidence, by_rows),
                       static_cast<std::int64_t>(evidence.after.ledger->rows.size()), "ticket");
    return partly.empty() ? "" : "; " + partly;
}

/// Who may hold what is missing: "2 rows without a ticket and 1 claim still queued".
std::string may_hold_it(std::int64_t without, std::int64_t queued) {
    std::vector<std::string> parts;
    if (without > 0) parts.push_back(counted(without, "row") + " without a ticket");
    if (queued > 0) parts.push_back(counted(queued, "claim") + " still queued");
    return fmt::format("{}", fmt::join(parts, " and "));
}

Finding judge(const Evidence& evidence, const Tally& tally, bool by_rows,
              const std::string& no_rows, Finding found) {
    const std::string state = fmt::format("{}, the highest {}", counted(tally.tickets, "ticket"),
                                          with_commas(tally.highest));
    if (tally.duplicates + tally.outside + tally.missing == 0) {
        if (evidence.after.ledger.is_named() && !no_rows.empty()) {
            return inconclusive(kName, no_rows);
        }
        Finding finding = holds(kName, state + remark_on_rows(evidence, by_rows));
        if (!by_rows) finding.summary += ", by the answers alone";
        return unless_history_is_cut(evidence, std::move(finding));
    }
    std::vector<std::string> wrong;
    if (tally.duplicates > 0) {
        wrong.push_back(fmt::format("{} held more than once", with_commas(tally.duplicates)));
    }
    if (tally.outside > 0) {
        wrong.push_back(fmt::format("{} outside 1 to {}", with_commas(tally.outside),
                                    with_commas(evidence.campaign.stock)));
    }
    if (tally.missing > 0) wrong.push_back(fmt::format("{} missing", with_commas(tally.missing)));
    Finding finding = std::move(found);
    finding.summary = fmt::format("{}: {}", state, fmt::join(wrong, "; "));
    if (tally.duplicates + tally.outside > 0) {
        finding.summary += remark_on_rows(evidence, by_rows);
        return finding;
    }

    const auto& backlog = evidence.after.backlog;
    const std::int64_t without = rows_without_ticket(evidence, by_rows);
    const std::int64_t queued = backlog.is_read() ? std::max<std::int64_t>(0, *backlog) : 0;
    if (backlog.is_named() && !backlog.is_read()) {
        finding.verdict = Verdict::inconclusive;
        finding.summary += "; the backlog could not be read: " + backlog.why();
    } else if (tally.missing <= without + queued) {
        finding.verdict = Verdict::inconclusive;
        finding.summary += "; but " + may_hold_it(without, queued);
    } else if (!by_rows && evidence.after.ledger.is_named() && !no_rows.empty()) {
        finding.verdict = Verdict::inconclusive;
        finding.summary += "; but " + no_rows;
    } else if (!by_rows && !evidence.history.missing_tail.empty()) {
        finding.verdict = Verdict::inconclusive;
        finding.summary += but_history_is_cut(evidence);
    } else if (!by_rows) {
        finding.strength = Strength::possible;
        finding.summary += ", by the answers alone: an unanswered attempt may hold what is missing";
    }
    return finding;
}

}  // namespace

Finding check_tickets(const Evidence& evidence) {
    const std::string no_rows = why_no_rows(evidence);
    const std::vector<Held> held = tickets_held(evidence, no_rows.empty());
    const bool ledger_open = evidence.after.ledger.is_named() && !no_rows.empty();
    if (held.empty()) {
        if (ledger_open && evidence.campaign.gap_free_tickets) return inconclusive(kName, no_rows);
        return skipped(kName, "neither rows nor answers carry a ticket");
    }
    const bool by_rows =
        std::any_of(held.begin(), held.end(), [](const Held& ticket) { return ticket.is_row; });
    const auto names_differ = by_rows ? unless_names_differ(kName, evidence) : std::nullopt;
    Finding found = violated(kName, "");
    const Tally tally = tally_tickets(evidence, held, !names_differ, found);
    Finding finding = judge(evidence, tally, by_rows, no_rows, std::move(found));
    if (tally.open > 0 && finding.verdict == Verdict::holds) finding = *names_differ;
    finding.figures = {{"stock", evidence.campaign.stock},
                       {"tickets", tally.tickets},
                       {"duplicates", tally.duplicates},
                       {"outside", tally.outside},
                       {"missing", tally.missing}};
    return finding;
}

}  // namespace claimstorm
