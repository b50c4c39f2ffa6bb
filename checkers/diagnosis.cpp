#include "checkers/diagnosis.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include "checkers/by_user.h"
#include "checkers/grants.h"
#include "checkers/served.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

using Lines = std::vector<std::string>;

double in_ms(TimeNs time) {
    constexpr double kNsPerMs = 1e6;
    return static_cast<double>(time) / kNsPerMs;
}

bool rows_known(const Evidence& evidence) {
    return why_no_rows(evidence).empty();
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

/// What the database's own counter says of `rows` stored rows.
std::string database_line(std::int64_t stock, std::int64_t rows, std::int64_t remaining) {
    const std::int64_t excess = rows - stock;
    const std::string says = fmt::format("the database's counter says {}", with_commas(remaining));
    if (excess > 0 && remaining == -excess) {
        return says +
               ", one for each row: a relative decrement that nothing guards; make it "
               "conditional (WHERE remaining > 0) and look at the affected rows";
    }
    if (excess > 0 && remaining >= 0) {
        return says + fmt::format(", with {} too many: {}", counted(excess, "row"),
                                  remaining == 0
                                      ? "lost updates, or a guarded update whose affected rows "
                                        "nobody looked at"
                                      : "an absolute write after a stale read");
    }
    const std::string leave = fmt::format(", and the rows leave {}: ", with_commas(stock - rows));
    if (stock - remaining < rows) return says + leave + "updates were lost or never made";
    if (stock - remaining > rows)
        return says + leave + "it was decremented for claims never stored";
    return says + ", as many as the rows leave: it agrees";
}

/// The counters beside the rows, and beside each other.
void add_counters(const Evidence& evidence, Lines& lines) {
    const Snapshot& after = evidence.after;
    if (!rows_known(evidence)) return;
    const auto rows = static_cast<std::int64_t>(after.ledger->rows.size());
    const std::int64_t stock = evidence.campaign.stock;
    if (after.remaining.is_read()) {
        lines.push_back(database_line(stock, rows, *after.remaining));
    }
    if (!after.cache_remaining.is_read() || !after.remaining.is_read()) return;
    const std::int64_t queued = after.backlog.is_read() ? *after.backlog : 0;
    const std::int64_t cache = *after.cache_remaining + queued;
    const std::string says = fmt::format("the cache{} says {}",
                                         queued == 0 ? "" : " with its queue", with_commas(cache));
    if (cache < *after.remaining) {
        lines.push_back(says + fmt::format(", {} below the database: deductions were burnt, for "
                                           "claims that were refused or failed and not put back",
                                           with_commas(*after.remaining - cache)));
    } else if (cache > *after.remaining) {
        lines.push_back(says + fmt::format(", {} above the database: refilled while claims were "
                                           "under way, compensated twice, or passed by",
                                           with_commas(cache - *after.remaining)));
    } else {
        lines.push_back(says + ", like the database: both took the same steps");
    }
}

/// When the promises beyond the stock were made, and what that names.
void add_beginning(const Evidence& evidence, const Sums& sums, Lines& lines) {
    if (sums.room == 0 || sums.promised <= sums.room) return;
    std::vector<Served> claims = claims_told(evidence);
    std::sort(claims.begin(), claims.end(), [](const Served& left, const Served& right) {
        return std::tuple(left.told, left.at) < std::tuple(right.told, right.at);
    });
    const auto room = static_cast<std::size_t>(sums.room);
    const TimeNs all_told = claims[room - 1].told;
    const Served& first = claims[room];
    lines.push_back(fmt::format(
        "the excess began {:.1f} ms after the release with attempt {}, {:.1f} ms after the first "
        "grant was told",
        in_ms(first.told), first.at, in_ms(first.told - claims.front().told)));
    std::int64_t later = 0;
    TimeNs last = all_told;
    for (std::size_t at = room; at < claims.size(); ++at) {
        if (claims[at].began <= all_told) continue;
        ++later;
        last = std::max(last, claims[at].began);
    }
    const std::int64_t surplus = sums.promised - sums.room;
    if (later > 0) {
        lines.push_back(fmt::format(
            "{} of the {} surplus claims began after the last unit had been told, up to {:.1f} ms "
            "after: no race for the last unit, the gate stood open or opened again; compare these "
            "times with the lock's TTL, a cache refill, an eviction, a restart",
            with_commas(later), with_commas(surplus), in_ms(last - all_told)));
        return;
    }
    TimeNs last_began = 0;
    for (const Served& claim : claims) last_began = std::max(last_began, claim.began);
    if (last_began <= claims.front().told) {
        lines.push_back(
            "all claims had begun before the first grant was told: a cold cache that several "
            "loaded, or no guard at all");
    } else {
        lines.push_back(
            "every surplus claim was under way when the last unit was told: check-then-act at the "
            "stock's end, the check and the taking are not one step");
    }
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
    add_counters(evidence, lines);
    add_beginning(evidence, sums, lines);
    lines.push_back(
        fmt::format("owed: {} more than there is to give; the witnesses are the rows "
                    "that came last. Next: put the check and the taking into one step "
                    "(one guarded UPDATE, one script, one lock held until COMMIT)",
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
    add_counters(evidence, lines);
    add_beginning(evidence, sums, lines);
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
        lines.push_back(fmt::format(
            "{} with granted attempts that overlap: a double click raced itself; ask and write "
            "under one lock of that user, or let a unique key decide",
            counted(clicks.overlapping, "user")));
    }
    if (clicks.apart > 0) {
        lines.push_back(fmt::format(
            "{} granted again later, {:.1f} ms after the first answer at the least: no race, the "
            "question is not asked at all, or of a copy that lags or expired",
            counted(clicks.apart, "user"), in_ms(clicks.least_gap)));
    }
    if (clicks.alone > 0) {
        lines.push_back(
            fmt::format("{} with one yes at most and more rows: one claim was "
                        "processed twice; look for a redelivered message or a retried "
                        "transaction without a unique key",
                        counted(clicks.alone, "user")));
    }
    add_counters(evidence, lines);
    return lines;
}

Lines of_lost_claims(const Evidence& evidence) {
    const Sums sums = sum_up(evidence);
    const ByUser rows = rows_by_user(evidence, evidence.after.ledger);
    TimeNs first = kNever;
    TimeNs last = 0;
    for (const Served& claim : claims_told(evidence)) {
        if (!rows.of(evidence.history.attempts[claim.at].user).empty()) continue;
        first = std::min(first, claim.told);
        last = std::max(last, claim.told);
    }
    Lines lines;
    if (first != kNever) {
        lines.push_back(fmt::format(
            "owed: an item to {}; told between {:.1f} and {:.1f} ms after the release: close "
            "together they name one crash or restart, spread out an error path",
            counted(sums.unstored, "claim"), in_ms(first), in_ms(last)));
    }
    add_counters(evidence, lines);
    return lines;
}

Lines of_counters(const Evidence& evidence) {
    Lines lines;
    add_counters(evidence, lines);
    return lines;
}

}  // namespace

Lines diagnose(const Evidence& evidence, const Finding& finding) {
    if (finding.verdict != Verdict::violated) return {};
    if (finding.check == "oversell") return of_oversell(evidence);
    if (finding.check == "promised_oversell") return of_promised_oversell(evidence);
    if (finding.check == "duplicate_users") return of_duplicate_users(evidence);
    if (finding.check == "lost_claims") return of_lost_claims(evidence);
    if (finding.check == "cache_drift" || finding.check == "database_drift") {
        return of_counters(evidence);
    }
    return {};
}

}  // namespace claimstorm
