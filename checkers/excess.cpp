#include "checkers/excess.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <tuple>

#include <fmt/format.h>

#include "checkers/in_ms.h"
#include "checkers/served.h"
#include "checkers/signs.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

using Lines = std::vector<std::string>;

/// Whether an expiry has just passed `gap` after a lock was taken: within a tenth of the TTL after
/// one of its first ten multiples. Later than that any time is near one.
bool is_just_after_expiry(TimeNs gap, TimeNs ttl) {
    constexpr TimeNs kMultiplesMax = 10;
    constexpr TimeNs kTenth = 10;
    const TimeNs multiple = gap / ttl;
    return multiple >= 1 && multiple <= kMultiplesMax && gap % ttl <= ttl / kTenth;
}

/// What the lock's TTL has to do with it. `claims` are in the order in which they were told.
void add_lock(const std::vector<Served>& claims, const Served& first_surplus,
              std::chrono::milliseconds named, Lines& lines) {
    const TimeNs ttl = std::chrono::nanoseconds(named).count();
    const std::string ttl_text = format_duration(named);
    TimeNs first_began = kNever;
    for (const Served& claim : claims) first_began = std::min(first_began, claim.began);
    const TimeNs gap = first_surplus.told - first_began;
    if (is_just_after_expiry(gap, ttl)) {
        lines.push_back(fmt::format(
            "the excess began at a multiple of the lock's TTL of {}, {:.2f} times that after the "
            "first claim: {}",
            ttl_text, static_cast<double>(gap) / static_cast<double>(ttl), kLockExpired));
    }
    const auto outlasting = std::count_if(claims.begin(), claims.end(), [&](const Served& claim) {
        return claim.told - claim.began > ttl;
    });
    if (outlasting > 0) {
        lines.push_back(fmt::format(
            "{} of the {} granted claims took longer than the lock's TTL of {}, the wait for the "
            "lock included: it may have expired under its holder",
            with_commas(outlasting), with_commas(std::ssize(claims)), ttl_text));
    } else {
        lines.push_back(fmt::format(
            "every granted claim was answered within the lock's TTL of {}: not the expiry of the "
            "lock, unless work goes on after the answer",
            ttl_text));
    }
}

/// How the surplus claims lie to the answers that told the last unit, and the first.
std::string pattern_of(const std::vector<Served>& claims, std::size_t room) {
    const TimeNs all_told = claims[room - 1].told;
    std::int64_t later = 0;
    TimeNs last = all_told;
    for (std::size_t at = room; at < claims.size(); ++at) {
        if (claims[at].began <= all_told) continue;
        ++later;
        last = std::max(last, claims[at].began);
    }
    if (later > 0) {
        return fmt::format(
            "{} of the {} surplus claims began after the last unit had been told, up to {:.1f} ms "
            "after: {}",
            with_commas(later), with_commas(static_cast<std::int64_t>(claims.size() - room)),
            in_ms(last - all_told), kGateOpen);
    }
    TimeNs last_began = 0;
    for (const Served& claim : claims) last_began = std::max(last_began, claim.began);
    if (last_began <= claims.front().told) {
        return fmt::format("all claims had begun before the first grant was told: {}", kColdCache);
    }
    return fmt::format("every surplus claim was under way when the last unit was told: {}",
                       kCheckThenAct);
}

}  // namespace

Lines tell_when_excess_began(const Evidence& evidence, std::int64_t room) {
    if (room <= 0) return {};
    std::vector<Served> claims = claims_told(evidence, Unanswered(evidence));
    if (std::ssize(claims) <= room) return {};
    std::sort(claims.begin(), claims.end(), [](const Served& left, const Served& right) {
        return std::tuple(left.told, left.at) < std::tuple(right.told, right.at);
    });
    if (claims.back().told == kNever) {
        return {"when the excess began is not known: some grants do not say when they were told"};
    }
    const auto first_beyond = static_cast<std::size_t>(room);
    const Served& first = claims[first_beyond];
    Lines lines = {
        fmt::format("the excess began {:.1f} ms after the release with attempt {}, {:.1f} ms after "
                    "the first grant was told",
                    in_ms(first.told), first.at, in_ms(first.told - claims.front().told))};
    if (evidence.lock_ttl) add_lock(claims, first, *evidence.lock_ttl, lines);
    lines.push_back(pattern_of(claims, first_beyond));
    return lines;
}

}  // namespace claimstorm
