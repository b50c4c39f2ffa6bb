#include "scenarios/probe_evidence.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::size_t kShown = 3;

std::string counted(std::size_t number, std::string_view one) {
    return fmt::format("{} {}{}", with_commas(static_cast<std::int64_t>(number)), one,
                       number == 1 ? "" : "s");
}

/// What `tell` makes of a reading, or why there is none.
template <typename T, typename Tell>
EvidenceTold told(const Reading<T>& reading, Tell&& tell) {
    if (!reading.is_named()) return {};
    if (reading.is_read()) return tell(reading.value());
    // "mysql.claims: why": its name stands beside it already.
    const std::string& why = reading.why();
    const std::size_t colon = why.find(": ");
    return {colon == std::string::npos ? why : why.substr(colon + 2), reading.is_absent()};
}

EvidenceTold number_told(std::int64_t number) {
    return {std::to_string(number), true, {{"value", number}}};
}

EvidenceTold stock_told(const Snapshot& snapshot) {
    EvidenceTold all;
    const auto add = [&all](const char* name, const auto& reading) {
        if (!reading.is_named() || !all.is_read) return;
        const EvidenceTold one =
            told(reading, [](auto value) { return number_told(static_cast<std::int64_t>(value)); });
        if (!one.is_read) {
            all = one;
            return;
        }
        all.text += fmt::format("{}{} {}", all.text.empty() ? "" : ", ", name, one.text);
        all.numbers.emplace_back(name, one.numbers.front().second);
    };
    add("stock", snapshot.stock);
    add("remaining", snapshot.remaining);
    add("sold_out", snapshot.sold_out);
    return all;
}

EvidenceTold payouts_told(const Payouts& payouts) {
    return {counted(payouts.rows.size(), "row"),
            true,
            {{"rows", static_cast<std::int64_t>(payouts.rows.size())}}};
}

EvidenceTold locks_told(const std::vector<LockSeen>& locks) {
    EvidenceTold all{"none held", true, {{"held", static_cast<std::int64_t>(locks.size())}}};
    if (locks.empty()) return all;
    std::vector<std::string> shown;
    for (const LockSeen& lock : locks) {
        if (shown.size() == kShown) break;
        shown.push_back(lock.pttl_ms < 0 ? fmt::format("{} (never expires)", lock.key)
                                         : fmt::format("{} ({} ms left)", lock.key, lock.pttl_ms));
    }
    all.text = fmt::format("{}: {}{}", counted(locks.size(), "key"), fmt::join(shown, ", "),
                           locks.size() > kShown ? " …" : "");
    return all;
}

}  // namespace

EvidenceProbe::EvidenceProbe(const EvidenceSpec& spec, const Campaign& campaign, std::string user)
    : reader_(spec, campaign), user_(std::move(user)) {}

void EvidenceProbe::read_before() {
    before_ = reader_.take(names_, texts_);
}

EvidenceTold EvidenceProbe::claims(const Snapshot& snapshot) const {
    return told(snapshot.ledger, [this](const Ledger& ledger) {
        const auto user = names_.find(user_);
        std::vector<std::string> ids;
        std::int64_t own = 0;
        for (const ClaimRow& row : ledger.rows) {
            if (row.user != user) continue;
            ++own;
            if (ids.size() < kShown && row.claim_id != kNoText) {
                ids.emplace_back(texts_.view(row.claim_id));
            }
        }
        // Of another user's name it shows how the store spells them.
        std::string remark = ids.empty() ? "" : fmt::format(" ({})", fmt::join(ids, ", "));
        if (own == 0 && !ledger.rows.empty()) {
            remark = fmt::format(" (the last is of '{}')", names_.name(ledger.rows.back().user));
        }
        return EvidenceTold{
            fmt::format("{}, {} of them {}'s{}", counted(ledger.rows.size(), "row"), own, user_,
                        remark),
            true,
            {{"rows", static_cast<std::int64_t>(ledger.rows.size())}, {"of_user", own}}};
    });
}

EvidenceTold EvidenceProbe::users(const Snapshot& snapshot) const {
    return told(snapshot.cache_users, [this](const std::vector<UserId>& members) {
        const auto user = names_.find(user_);
        const bool is_in = user && std::binary_search(members.begin(), members.end(), *user);
        return EvidenceTold{
            fmt::format("{}, {} {}among them{}", counted(members.size(), "member"), user_,
                        is_in ? "" : "not ",
                        is_in || members.empty()
                            ? ""
                            : fmt::format(" (one is '{}')", names_.name(members.back()))),
            true,
            {{"members", static_cast<std::int64_t>(members.size())}, {"has_user", is_in ? 1 : 0}}};
    });
}

std::vector<ProbeEvidence> EvidenceProbe::read_after() {
    return tell_all(before_, reader_.take(names_, texts_));
}

std::vector<ProbeEvidence> EvidenceProbe::read_once() {
    const Snapshot now = reader_.take(names_, texts_);
    return tell_all(now, now);
}

std::vector<ProbeEvidence> EvidenceProbe::tell_all(const Snapshot& before,
                                                   const Snapshot& after) const {
    std::vector<ProbeEvidence> evidence;
    const auto add = [&](const char* name, bool is_named, auto&& tell) {
        if (is_named) evidence.push_back({name, tell(before), tell(after)});
    };
    const bool has_stock =
        after.stock.is_named() || after.remaining.is_named() || after.sold_out.is_named();
    add("mysql.claims", after.ledger.is_named(),
        [this](const Snapshot& snapshot) { return claims(snapshot); });
    add("mysql.stock", has_stock, stock_told);
    add("mysql.payouts", after.payouts.is_named(),
        [](const Snapshot& snapshot) { return told(snapshot.payouts, payouts_told); });
    add("redis.remaining", after.cache_remaining.is_named(),
        [](const Snapshot& snapshot) { return told(snapshot.cache_remaining, number_told); });
    add("redis.users", after.cache_users.is_named(),
        [this](const Snapshot& snapshot) { return users(snapshot); });
    add("redis.locks", after.locks.is_named(),
        [](const Snapshot& snapshot) { return told(snapshot.locks, locks_told); });
    add("redis.backlog", after.backlog.is_named(),
        [](const Snapshot& snapshot) { return told(snapshot.backlog, number_told); });
    return evidence;
}

}  // namespace claimstorm
