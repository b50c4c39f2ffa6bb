#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/evidence.h"

namespace claimstorm::test {

// Lists of evidence are packed: to change them in place, they are taken apart and put together.

template <typename List>
std::vector<typename List::value_type> vector_of(const List& list) {
    return {list.begin(), list.end()};
}

inline AttemptList list_of(const std::vector<Attempt>& attempts) {
    AttemptList list;
    for (const Attempt& attempt : attempts) list.push_back(attempt);
    return list;
}

inline Ledger ledger_of(const std::vector<ClaimRow>& rows) {
    Ledger ledger;
    for (const ClaimRow& row : rows) ledger.rows.push_back(row);
    return ledger;
}

/// How a sound service behaves, and what the world does to it.
struct Style {
    std::int64_t stock = 20;
    int users = 40;
    std::int64_t per_user = 1;
    int most_attempts = 2;         ///< of one user; the further ones come close or much later
    bool envelopes = false;        ///< amounts, a budget that is spent whole, payouts
    bool tickets = false;          ///< ranks: in order, without a gap
    bool duplicates_first = true;  ///< else a holder may be told sold_out
    bool replays = false;          ///< a holder is told granted again, with the same claim
    bool ids_in_answers = true;
    bool other_ids_in_rows = false;  ///< answers and rows name claims in different ways
    int old_rows = 0;                ///< claims from before the storm
    int loss_percent = 0;            ///< each of: request lost, reply lost, throttled, never polled
    int give_back_percent = 0;       ///< takes a unit, fails, gives it back a while later
    bool cut = false;                ///< the end of the history is missing
};

/// A storm at a sound service, simulated: every claim takes effect at one instant, in the order of
/// time, and the stores are left as they should be. Whatever the style, nothing in it is wrong.
class SoundRun {
  public:
    SoundRun(const Style& style, std::uint32_t seed) : style_(style), random_(seed) {
        Campaign& campaign = evidence_.campaign;
        campaign.id = "c1";
        campaign.stock = style.stock;
        campaign.per_user = style.per_user;
        campaign.duplicates_first = style.duplicates_first;
        campaign.ordered_tickets = style.tickets;
        campaign.gap_free_tickets = style.tickets;
        if (style.envelopes) cut_budget();
        evidence_.settlement.settled = true;
        for (int i = 0; i < style.old_rows; ++i) {
            serve(evidence_.users.intern("old" + std::to_string(i)));
        }
        evidence_.before = snapshot();
        plan();
        take_effect();
        evidence_.after = snapshot();
        if (style.cut) cut_history();
    }

    Evidence& evidence() { return evidence_; }

  private:
    enum class Fate : std::uint8_t {
        served,
        request_lost,
        reply_lost,
        throttled,
        never_polled,
        gives_back,
        not_sent
    };
    struct Planned {
        TimeNs sent = 0;
        TimeNs instant = 0;  // when it takes effect
        TimeNs done = 0;
        UserId user = 0;
        std::uint16_t number = 1;
        Fate fate = Fate::served;
    };
    struct Claim {
        std::string id;
        std::int64_t ticket = kNoNumber;
        std::int64_t amount_cents = kNoNumber;
    };

    int between(int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random_);
    }
    bool chance(int percent) { return between(1, 100) <= percent; }

    void cut_budget() {
        Campaign& campaign = evidence_.campaign;
        campaign.kind = CampaignKind::envelope;
        campaign.min_cents = 5;
        campaign.whole_budget = true;
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < style_.stock; ++i) {
            amounts_.push_back(between(5, 500));
            sum += amounts_.back();
        }
        campaign.budget_cents = sum;
    }

    Fate draw_fate() {
        if (chance(style_.give_back_percent)) return Fate::gives_back;
        for (const Fate fate : {Fate::request_lost, Fate::reply_lost, Fate::throttled,
                                Fate::never_polled, Fate::not_sent}) {
            if (chance(style_.loss_percent)) return fate;
        }
        return Fate::served;
    }

    Planned planned(UserId user, int number, TimeNs sent, Fate fate) {
        const TimeNs instant = sent + between(0, 40);
        return {sent, instant, instant + between(0, 40), user, static_cast<std::uint16_t>(number),
                fate};
    }

    /// A burst, in steps coarse enough for many to touch.
    void plan() {
        for (int i = 0; i < style_.users; ++i) {
            const UserId user = evidence_.users.intern(
                i < style_.old_rows ? "old" + std::to_string(i) : "u" + std::to_string(i));
            TimeNs sent = between(0, 200);
            const int attempts = between(1, style_.most_attempts);
            for (int number = 1; number <= attempts; ++number) {
                plan_.push_back(planned(user, number, sent, draw_fate()));
                sent += chance(50) ? between(0, 10) : between(0, 300);
            }
        }
    }

    void take_effect() {
        std::stable_sort(plan_.begin(), plan_.end(), [](const Planned& left, const Planned& right) {
            return left.instant < right.instant;
        });
        for (const Planned& attempt : plan_) act(attempt);
        if (style_.give_back_percent == 0) return;
        // What came back last is sold to people who come later.
        constexpr TimeNs kMuchLater = 10'000;
        give_back_until(kMuchLater);
        for (int i = 0; sold_ < style_.stock; ++i) {
            const UserId user = evidence_.users.intern("late" + std::to_string(i));
            act(planned(user, 1, kMuchLater + i, Fate::served));
        }
    }

    void act(const Planned& planned) {
        give_back_until(planned.instant);
        Attempt attempt;
        attempt.user = planned.user;
        attempt.number = planned.number;
        attempt.due_ns = planned.sent;
        if (planned.fate == Fate::not_sent) {
            evidence_.history.attempts.push_back(attempt);
            return;
        }
        attempt.sent_ns = planned.sent;
        attempt.done_ns = planned.done;
        attempt.outcome = outcome_of(planned, attempt);
        if (is_indeterminate(attempt.outcome)) {
            attempt.done_ns = kNever;
            attempt.claim_id = kNoText;
            attempt.ticket = attempt.amount_cents = kNoNumber;
        }
        evidence_.history.attempts.push_back(attempt);
    }

    Outcome outcome_of(const Planned& planned, Attempt& attempt) {
        switch (planned.fate) {
            case Fate::request_lost:
                return Outcome::unknown;
            case Fate::throttled:
                return Outcome::throttled;
            case Fate::gives_back:
                if (sold_ + std::ssize(held_) < style_.stock) {
                    held_.emplace(planned.instant + between(0, 400), planned.user);
                }
                return chance(50) ? Outcome::unknown : Outcome::rejected;
            case Fate::reply_lost:
                answer(planned.user, attempt);
                return Outcome::unknown;
            case Fate::never_polled:
                answer(planned.user, attempt);
                return Outcome::pending;
            case Fate::served:
            case Fate::not_sent:
                break;
        }
        return answer(planned.user, attempt);
    }

    Outcome answer(UserId user, Attempt& attempt) {
        const bool is_left = sold_ + std::ssize(held_) < style_.stock;
        const auto& claims = claims_[user];
        const bool is_holder = std::ssize(claims) >= style_.per_user;
        if (is_holder && (is_left || style_.duplicates_first)) {
            if (!style_.replays) return Outcome::already_claimed;
            return tell(claims.front(), attempt);
        }
        if (!is_left) return Outcome::sold_out;
        serve(user);
        return tell(claims_[user].back(), attempt);
    }

    Outcome tell(const Claim& claim, Attempt& attempt) {
        if (style_.ids_in_answers) {
            attempt.claim_id = text((style_.other_ids_in_rows ? "order-" : "") + claim.id);
        }
        attempt.ticket = claim.ticket;
        attempt.amount_cents = claim.amount_cents;
        return Outcome::granted;
    }

    void serve(UserId user) {
        Claim claim;
        claim.id = std::to_string(1000 + sold_);
        if (style_.tickets) claim.ticket = sold_ + 1;
        if (style_.envelopes) claim.amount_cents = amounts_[static_cast<std::size_t>(sold_)];
        ++sold_;
        claims_[user].push_back(claim);
        rows_.push_back({user, text(claim.id), claim.ticket, claim.amount_cents});
    }

    void give_back_until(TimeNs now) {
        while (!held_.empty() && held_.begin()->first < now) held_.erase(held_.begin());
    }

    TextRef text(const std::string& text) {
        const auto [known, is_new] = texts_.try_emplace(text, kNoText);
        if (is_new) known->second = evidence_.texts.add(text);
        return known->second;
    }

    Snapshot snapshot() {
        Snapshot snapshot;
        snapshot.ledger = ledger_of(rows_);
        snapshot.stock = style_.stock;
        snapshot.remaining = style_.stock - sold_;
        snapshot.sold_out = sold_ >= style_.stock;
        snapshot.cache_remaining = style_.stock - sold_;
        std::vector<UserId> users;
        for (const auto& [user, claims] : claims_) {
            if (!claims.empty()) users.push_back(user);
        }
        snapshot.cache_users = users;
        snapshot.locks = std::vector<LockSeen>{};
        snapshot.backlog = std::int64_t{0};
        if (!style_.envelopes) return snapshot;
        Payouts payouts;
        for (const ClaimRow& row : rows_) {
            payouts.rows.push_back({row.claim_id, row.amount_cents, row.user});
        }
        snapshot.payouts = payouts;
        return snapshot;
    }

    void cut_history() {
        auto attempts = vector_of(evidence_.history.attempts);
        std::shuffle(attempts.begin(), attempts.end(), random_);
        attempts.resize(attempts.size() - attempts.size() / 4);
        evidence_.history.attempts = list_of(attempts);
        evidence_.history.missing_tail = "the last chunk is missing";
    }

    Style style_;
    std::mt19937 random_;
    Evidence evidence_;
    std::vector<std::int64_t> amounts_;
    std::vector<Planned> plan_;
    std::int64_t sold_ = 0;
    std::multimap<TimeNs, UserId> held_;  // units that come back, and when
    std::map<UserId, std::vector<Claim>> claims_;
    std::vector<ClaimRow> rows_;
    std::map<std::string, TextRef> texts_;
};

/// A style drawn from a seed: anything a sound service may do, in any mixture.
inline Style random_style(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto between = [&](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    Style style;
    style.stock = between(1, 30);
    style.users = between(1, 60);
    style.per_user = between(0, 4) == 0 ? 2 : 1;
    style.most_attempts = between(1, 4);
    style.envelopes = between(0, 2) == 0;
    style.duplicates_first = between(0, 1) == 0;
    style.replays = between(0, 2) == 0;
    style.ids_in_answers = between(0, 3) > 0;
    style.other_ids_in_rows = between(0, 4) == 0;
    style.loss_percent = between(0, 1) == 0 ? 0 : between(1, 15);
    style.give_back_percent = between(0, 2) == 0 ? between(1, 15) : 0;
    style.tickets = style.give_back_percent == 0 && between(0, 1) == 0;
    const auto most_old = static_cast<int>(std::min<std::int64_t>(style.stock, 5));
    style.old_rows = between(0, 3) == 0 ? between(1, most_old) : 0;
    style.cut = between(0, 5) == 0;
    return style;
}

}  // namespace claimstorm::test
