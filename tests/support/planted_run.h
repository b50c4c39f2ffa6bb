#pragma once

#include <algorithm>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "tests/support/sound_run.h"

namespace claimstorm::test {

/// A sound run, and the means to spoil one thing in it.
class Spoiled {
  public:
    Spoiled(const Style& style, std::uint32_t seed)
        : run_(style, seed),
          random_(seed),
          attempts_(vector_of(evidence().history.attempts)),
          rows_(vector_of(after().ledger->rows)) {}

    /// With what was changed in it.
    const Evidence& judged() {
        evidence().history.attempts = list_of(attempts_);
        after().ledger = ledger_of(rows_);
        return evidence();
    }

    Evidence& evidence() { return run_.evidence(); }
    Campaign& campaign() { return evidence().campaign; }
    Snapshot& after() { return evidence().after; }
    std::vector<ClaimRow>& rows() { return rows_; }
    std::vector<PayoutRow>& payouts() { return after().payouts.value().rows; }
    std::vector<Attempt>& attempts() { return attempts_; }
    std::vector<UserId>& set() { return after().cache_users.value(); }

    std::size_t any_claim() {
        return std::uniform_int_distribution<std::size_t>(0, rows().size() - 1)(random_);
    }
    std::size_t last_claim() { return rows().size() - 1; }

    /// The attempt that was granted the claim of that row.
    Attempt& grant_of(std::size_t row) {
        return first([&](const Attempt& attempt) {
            return attempt.outcome == Outcome::granted && attempt.user == rows()[row].user;
        });
    }
    /// Of those told sold_out, the one told first, and one who began before that.
    Attempt& first_refused() {
        Attempt* found = nullptr;
        for (Attempt& attempt : attempts()) {
            if (attempt.outcome != Outcome::sold_out) continue;
            if (found == nullptr || attempt.done_ns < found->done_ns) found = &attempt;
        }
        REQUIRE(found != nullptr);
        return *found;
    }
    Attempt& early_loser() {
        const Attempt& refused = first_refused();
        return first([&](const Attempt& attempt) {
            return attempt.outcome == Outcome::sold_out && &attempt != &refused;
        });
    }
    TimeNs end_of_all() {
        TimeNs end = 0;
        for (const Attempt& attempt : attempts()) {
            if (attempt.done_ns != kNever) end = std::max(end, attempt.done_ns);
        }
        return end;
    }

    UserId stranger() { return evidence().users.intern("stranger"); }
    TextRef new_id() { return evidence().texts.add("99999"); }

    /// A further attempt, which lasted from `sent` to `done`.
    Attempt& attempt(UserId user, Outcome outcome, TimeNs sent, TimeNs done) {
        Attempt attempt;
        attempt.user = user;
        attempt.outcome = outcome;
        attempt.sent_ns = sent;
        attempt.done_ns = done;
        attempts().push_back(attempt);
        return attempts().back();
    }
    void drop_row(std::size_t row) {
        rows().erase(rows().begin() + static_cast<std::ptrdiff_t>(row));
    }
    void drop_from_set(UserId user) { std::erase(set(), user); }
    void count(std::int64_t cache, std::int64_t database) {
        after().cache_remaining.value() += cache;
        after().remaining.value() += database;
    }
    void set_amount(std::size_t row, std::int64_t cents) {
        grant_of(row).amount_cents = rows()[row].amount_cents = payouts()[row].amount_cents = cents;
    }
    void set_ticket(std::size_t row, std::int64_t ticket) {
        grant_of(row).ticket = rows()[row].ticket = ticket;
    }

  private:
    template <typename Fits>
    Attempt& first(Fits fits) {
        const auto found = std::find_if(attempts().begin(), attempts().end(), fits);
        REQUIRE(found != attempts().end());
        return *found;
    }

    SoundRun run_;
    std::mt19937 random_;
    std::vector<Attempt> attempts_;
    std::vector<ClaimRow> rows_;
};

/// A defect to be planted, and the checks that must find it: these and no others.
struct Plant {
    std::string what;
    Style style;
    std::function<void(Spoiled&)> spoil;
    std::set<std::string> violated;
};

/// More users than stock: all of it goes, and everybody comes once.
inline Style sold() {
    Style style;
    style.most_attempts = 1;
    return style;
}
/// More stock than users.
inline Style unsold() {
    Style style = sold();
    style.stock = 60;
    return style;
}
/// With tickets that are ranks.
inline Style numbered(Style style) {
    style.tickets = true;
    return style;
}
/// With amounts, payouts and tickets.
inline Style envelopes() {
    Style style = numbered(sold());
    style.envelopes = true;
    return style;
}

/// Each plant in several runs, each to be found by exactly the checks that name it.
inline void find_each(const std::vector<Plant>& plants) {
    constexpr std::uint32_t kSeeds = 10;
    for (const Plant& plant : plants) {
        for (std::uint32_t seed = 1; seed <= kSeeds; ++seed) {
            Spoiled run(plant.style, seed);
            plant.spoil(run);
            std::set<std::string> violated;
            std::string summaries;
            for (const Finding& finding : run_checks(run.judged(), {})) {
                if (finding.verdict != Verdict::violated) continue;
                violated.insert(finding.check);
                summaries += "\n" + finding.check + ": " + finding.summary;
                CHECK(finding.witness_count > 0);
            }
            INFO(plant.what << ", seed " << seed << summaries);
            CHECK(violated == plant.violated);
        }
    }
}

}  // namespace claimstorm::test
