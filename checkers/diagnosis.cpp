#include "checkers/diagnosis.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "checkers/by_user.h"
#include "checkers/compared_counters.h"
#include "checkers/excess.h"
#include "checkers/grants.h"
#include "checkers/in_ms.h"
#include "checkers/served.h"
#include "checkers/signs.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

using Lines = std::vector<std::string>;

void append(Lines& lines, Lines more) {
    lines.insert(lines.end(), std::make_move_iterator(more.begin()),
                 std::make_move_iterator(more.end()));
}

bool rows_known(const Evidence& evidence) {
    return why_no_rows(evidence).empty();
}

/// 0 for a figure that the finding does not have.
std::int64_t figure_of(const Finding& finding, std::string_view name) {
    const auto found = std::find_if(finding.figures.begin(), finding.figures.end(),
                                    [&](const Figure& figure) { return figure.name == name; });
    return found == finding.figures.end() ? 0 : found->value;
}

/// What the rows and promises of all users come to.
struct Sums {
    std::int64_t rows = 0;
    std::int64_t promised = 0;     // distinct promises of users without rows from before
    std::int64_t room = 0;         // units there were for them
    std::int64_t second_rows = 0;  // rows beyond a user's limit
    std::int64_t users = 0;        // whose these are
    std::int64_t unstored = 0;     // promises beyond the rows of their user
};

Sums sum_up(const Evidence& evidence) {
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    const ByUser old_rows = rows_by_user(evidence, evidence.before.ledger);
    const ByUser grants = grants_by_user(evidence);
    Sums sums;
    sums.rows = static_cast<std::int64_t>(rows.size());
    sums.room = std::max<std::int64_t>(
        0, evidence.campaign.stock - static_cast<std::int64_t>(old_rows.size()));
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto stored = static_cast<std::int64_t>(rows.of(user).size());
        const std::int64_t beyond = stored - evidence.campaign.per_user;
        if (beyond > 0) {
            ++sums.users;
            sums.second_rows += beyond;
        }
        if (!old_rows.of(user).empty()) continue;
        const std::int64_t promised = promises_in(evidence, grants.of(user)).least();
        sums.promised += promised;
        sums.unstored += std::max<std::int64_t>(0, promised - stored);
    }
    return sums;
}

/// Precondition: the rows are known.
void add_whose(const Evidence& evidence, const Sums& sums, std::int64_t excess, Lines& lines) {
    if (sums.users == 0) {
        lines.push_back(fmt::format("different users: nobody has more than {}",
                                    with_commas(evidence.campaign.per_user)));
        return;
    }
    lines.push_back(fmt::format("{} of {} too many: second rows of {}, see duplicate_users",
                                with_commas(std::min(sums.second_rows, excess)),
                                with_commas(excess), counted(sums.users, "user")));
}

Lines of_oversell(const Evidence& evidence) {
    const Sums sums = sum_up(evidence);
    const std::int64_t excess = sums.rows - evidence.campaign.stock;
    Lines lines;
    if (sums.promised > sums.room) {
        lines.push_back(
            fmt::format("really oversold: {} stored beyond the stock, and {} too many "
                        "were told yes",
                        counted(excess, "row"), with_commas(sums.promised - sums.room)));
    } else {
        lines.push_back(
            fmt::format("really oversold: {} stored beyond the stock, though no more "
                        "were told yes than there was: see phantom_claims",
                        counted(excess, "row")));
    }
    add_whose(evidence, sums, excess, lines);
    append(lines, compare_counters(evidence));
    append(lines, tell_when_excess_began(evidence, sums.room));
    lines.push_back(fmt::format(
        "owed: {} more than there is to give; the witnesses are the rows that came last",
        counted(excess, "item")));
    return lines;
}

Lines of_promised_oversell(const Evidence& evidence) {
    const Sums sums = sum_up(evidence);
    Lines lines;
    if (rows_known(evidence)) {
        if (sums.rows > evidence.campaign.stock) {
            lines.emplace_back("stored as well: see oversell");
        } else {
            lines.push_back(fmt::format(
                "only promised: the rows stay within the stock, {} were told yes and hold nothing; "
                "see lost_claims",
                with_commas(sums.unstored)));
        }
        add_whose(evidence, sums, sums.promised - sums.room, lines);
    }
    append(lines, compare_counters(evidence));
    append(lines, tell_when_excess_began(evidence, sums.room));
    return lines;
}

/// How the attempts of those with too much lie in time.
struct Clicks {
    std::int64_t overlapping = 0;  // users of whom two granted attempts overlap
    std::int64_t apart = 0;        // users with several, none of which overlap
    std::int64_t alone = 0;        // users with one at most: more rows than yeses
    TimeNs least_gap = kNever;     // between the attempts of those apart
};

void add_clicks_of(const Evidence& evidence, std::span<const ByUser::Index> granted,
                   Clicks& clicks) {
    const auto& attempts = evidence.history.attempts;
    if (granted.size() < 2) {
        ++clicks.alone;
        return;
    }
    std::vector<ByUser::Index> order(granted.begin(), granted.end());
    std::sort(order.begin(), order.end(), [&](ByUser::Index left, ByUser::Index right) {
        return attempts[left].sent_ns < attempts[right].sent_ns;
    });
    TimeNs least = kNever;
    TimeNs done = attempts[order.front()].done_ns;
    for (std::size_t i = 1; i < order.size(); ++i) {
        const Attempt& attempt = attempts[order[i]];
        least = std::min(least, attempt.sent_ns - done);
        done = std::max(done, attempt.done_ns);
    }
    if (least <= 0) {
        ++clicks.overlapping;
    } else {
        ++clicks.apart;
        clicks.least_gap = std::min(clicks.least_gap, least);
    }
}

Lines of_duplicate_users(const Evidence& evidence) {
    const bool known = rows_known(evidence);
    const ByUser rows = known ? rows_by_user(evidence, evidence.after.ledger) : ByUser();
    const ByUser grants = grants_by_user(evidence);
    Clicks clicks;
    for (UserId user = 0; user < evidence.users.size(); ++user) {
        const auto granted = grants.of(user);
        const auto stored = static_cast<std::int64_t>(rows.of(user).size());
        const std::int64_t has = std::max(stored, promises_in(evidence, granted).least());
        if (has > evidence.campaign.per_user) add_clicks_of(evidence, granted, clicks);
    }
    Lines lines;
    if (clicks.overlapping > 0) {
        lines.push_back(fmt::format("{} with granted attempts that overlap: {}",
                                    counted(clicks.overlapping, "user"), kClicksRaced));
    }
    if (clicks.apart > 0) {
        lines.push_back(
            fmt::format("{} granted again later, {:.1f} ms after the first answer at the least: {}",
                        counted(clicks.apart, "user"), in_ms(clicks.least_gap), kNotAsked));
    }
    if (clicks.alone > 0) {
        lines.push_back(fmt::format("{} with one yes at most and more rows: {}",
                                    counted(clicks.alone, "user"), kProcessedTwice));
    }
    append(lines, compare_counters(evidence));
    return lines;
}

Lines of_lost_claims(const Evidence& evidence) {
    const Sums sums = sum_up(evidence);
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    TimeNs first = kNever;
    TimeNs last = 0;
    for (const Served& claim : claims_told(evidence, Unanswered(evidence))) {
        if (!rows.of(evidence.history.attempts[claim.at].user).empty()) continue;
        first = std::min(first, claim.told);
        last = std::max(last, claim.told);
    }
    Lines lines;
    if (first != kNever) {
        lines.push_back(fmt::format(
            "owed: an item to {}; told between {:.1f} and {:.1f} ms after the release: {}",
            counted(sums.unstored, "claim"), in_ms(first), in_ms(last), kCrashOrErrorPath));
    }
    append(lines, compare_counters(evidence));
    return lines;
}

/// What the cache's counter says of units that were refused and are left.
Lines of_false_sold_out(const Evidence& evidence, const Finding& finding) {
    const auto& cache = evidence.after.cache_remaining;
    if (!cache.is_read()) return {};
    const std::int64_t left = figure_of(finding, "left");
    if (*cache < left) {
        return {fmt::format("the cache says {}, and {} left: {}", with_commas(*cache),
                            counted(left, "unit"), kLeakedFromCache)};
    }
    return {
        fmt::format("the cache still offers {}: {}", counted(*cache, "unit"), kRefusedElsewhere)};
}

/// What became of the claims for which the counter was decremented below zero.
Lines of_over_decrement(const Evidence& evidence, const Finding& finding) {
    if (!rows_known(evidence)) return {};
    const auto rows = static_cast<std::int64_t>(evidence.after.ledger->rows.size());
    const std::int64_t excess = std::max<std::int64_t>(0, rows - evidence.campaign.stock);
    if (excess == 0) return {fmt::format("no more rows than stock: {}", kEachBurnsOne)};
    return {fmt::format("{} beyond the stock, and the cache is {} below zero: {}",
                        counted(excess, "row"), with_commas(figure_of(finding, "below_zero")),
                        kAskedNotObeyed)};
}

Lines of_sold_out_flag(const Finding& finding) {
    if (figure_of(finding, "sold_out") != 0) return {};
    return {fmt::format("not marked although nothing is left: {}", kMarkSkipped)};
}

/// What only some checks can say, from more than their own figures.
Lines of_evidence(const Evidence& evidence, const Finding& finding) {
    const std::string_view check = finding.check;
    if (check == "oversell") return of_oversell(evidence);
    if (check == "promised_oversell") return of_promised_oversell(evidence);
    if (check == "duplicate_users") return of_duplicate_users(evidence);
    if (check == "lost_claims") return of_lost_claims(evidence);
    if (check == "cache_drift" || check == "database_drift") return compare_counters(evidence);
    if (check == "false_sold_out") return of_false_sold_out(evidence, finding);
    if (check == "over_decrement") return of_over_decrement(evidence, finding);
    if (check == "sold_out_flag") return of_sold_out_flag(finding);
    return {};
}

}  // namespace

Lines diagnose(const Evidence& evidence, const Finding& finding, const Explanation& explanation) {
    if (finding.verdict != Verdict::violated) return {};
    Lines lines = of_evidence(evidence, finding);
    for (const Sign& sign : explanation.signs) {
        const std::int64_t value = figure_of(finding, sign.figure);
        if (sign.below_zero ? value >= 0 : value <= 0) continue;
        lines.push_back(
            fmt::format("{} ({}): {}", sign.seen, with_commas(std::abs(value)), sign.names));
    }
    lines.push_back(fmt::format("next: {}", explanation.next));
    return lines;
}

}  // namespace claimstorm
