#include <functional>
#include <set>

#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "tests/support/sound_run.h"

namespace claimstorm::test {
namespace {

constexpr std::uint32_t kSeeds = 10;

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

struct Plant {
    std::string what;
    Style style;
    std::function<void(Spoiled&)> spoil;
    std::set<std::string> violated;
};

Style sold() {
    Style style;
    style.most_attempts = 1;
    return style;
}
Style unsold() {
    Style style = sold();
    style.stock = 60;
    return style;
}
Style numbered(Style style) {
    style.tickets = true;
    return style;
}
Style envelopes() {
    Style style = numbered(sold());
    style.envelopes = true;
    return style;
}

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& history_plants() {
    static const std::vector<Plant> plants = {
        {"a refused user is granted a claim that is stored",
         sold(),
         [](Spoiled& s) {
             Attempt& loser = s.early_loser();
             loser.sent_ns = std::min(loser.sent_ns, s.first_refused().done_ns);
             loser.outcome = Outcome::granted;
             loser.claim_id = s.new_id();
             s.rows().push_back({loser.user, loser.claim_id});
             s.set().push_back(loser.user);
         },
         {"oversell", "promised_oversell", "cache_drift", "database_drift", "linearizable"}},
        {"a refused user is granted a claim that is not stored",
         sold(),
         [](Spoiled& s) {
             Attempt& loser = s.early_loser();
             loser.sent_ns = std::min(loser.sent_ns, s.first_refused().done_ns);
             loser.outcome = Outcome::granted;
             loser.claim_id = s.new_id();
         },
         {"promised_oversell", "lost_claims", "linearizable"}},
        {"a grant whose row is gone, with all that counts it",
         unsold(),
         [](Spoiled& s) {
             const std::size_t row = s.any_claim();
             s.drop_from_set(s.rows()[row].user);
             s.drop_row(row);
             s.count(1, 1);
         },
         {"lost_claims"}},
        {"a second grant of another claim, not stored",
         unsold(),
         [](Spoiled& s) {
             const UserId user = s.rows()[s.any_claim()].user;
             s.attempt(user, Outcome::granted, 900, 950).claim_id = s.new_id();
         },
         {"duplicate_users", "lost_claims", "linearizable"}},
        {"a second grant of another claim, stored",
         unsold(),
         [](Spoiled& s) {
             const UserId user = s.rows()[s.any_claim()].user;
             s.attempt(user, Outcome::granted, 900, 950).claim_id = s.new_id();
             s.rows().push_back({user, s.attempts().back().claim_id});
             s.count(-1, -1);
         },
         {"duplicate_users", "linearizable"}},
        {"two users are told each other's claim",
         unsold(),
         [](Spoiled& s) { std::swap(s.grant_of(0).claim_id, s.grant_of(1).claim_id); },
         {"lost_claims"}},
        {"a holder was only told already_claimed",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::already_claimed; },
         {"phantom_claims", "linearizable"}},
        {"a holder was only throttled",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::throttled; },
         {"phantom_claims"}},
        {"a holder was only rejected",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::rejected; },
         {"phantom_claims"}},
        {"a holder never sent anything",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::not_sent; },
         {"phantom_claims"}},
        {"a holder was told sold_out, and much is left",
         unsold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
         },
         {"phantom_claims", "false_sold_out", "linearizable"}},
        {"a holder was told sold_out, and all went",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
         },
         {"phantom_claims", "linearizable"}},
        {"somebody is told sold_out while much is left",
         unsold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, 900, 950); },
         {"false_sold_out", "linearizable"}},
        {"somebody is told sold_out before the first claim",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, -9, -1); },
         {"claim_order", "linearizable"}},
        {"a claim begins after the first refusal was told",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.sent_ns = s.first_refused().done_ns + 1;
             attempt.done_ns = attempt.sent_ns + 5;
         },
         {"claim_order", "linearizable"}},
        {"a claim nobody was told of begins after the first refusal",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.outcome = Outcome::unknown;
             attempt.sent_ns = s.first_refused().done_ns + 1;
             attempt.done_ns = kNever;
         },
         {"claim_order", "linearizable"}},
        {"already_claimed is told before the claim begins",
         unsold(),
         [](Spoiled& s) {
             const Attempt& grant = s.grant_of(s.any_claim());
             const TimeNs before = grant.sent_ns - 1;
             s.attempt(grant.user, Outcome::already_claimed, before - 5, before);
         },
         {"linearizable"}},
        {"a loser is told already_claimed",
         sold(),
         [](Spoiled& s) { s.early_loser().outcome = Outcome::already_claimed; },
         {"linearizable"}},
        {"a holder is told sold_out where duplicates come first",
         sold(),
         [](Spoiled& s) { s.attempt(s.rows()[s.any_claim()].user, Outcome::sold_out, 900, 950); },
         {"linearizable"}},
        {"a claim that never was: one unit too few went",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
             s.drop_from_set(attempt.user);
             s.drop_row(s.last_claim());
             s.count(1, 1);
             s.after().sold_out = false;
         },
         {"false_sold_out", "undersell", "linearizable"}},
    };
    return plants;
}

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& store_plants() {
    static const std::vector<Plant> plants = {
        {"a row of somebody who took no part",
         unsold(),
         [](Spoiled& s) {
             s.rows().push_back({s.stranger(), s.new_id()});
             s.set().push_back(s.stranger());
             s.count(-1, -1);
         },
         {"phantom_claims"}},
        {"a row of a loser, counted by the database alone",
         sold(),
         [](Spoiled& s) {
             s.rows().push_back({s.early_loser().user, s.new_id()});
             s.set().push_back(s.rows().back().user);
             s.count(0, -1);
         },
         {"oversell", "phantom_claims", "cache_drift"}},
        {"a row of a loser, counted by both",
         sold(),
         [](Spoiled& s) {
             s.rows().push_back({s.early_loser().user, s.new_id()});
             s.set().push_back(s.rows().back().user);
             s.count(-1, -1);
         },
         {"oversell", "phantom_claims", "over_decrement"}},
        {"a second row of one user",
         unsold(),
         [](Spoiled& s) {
             s.rows().push_back({s.rows()[s.any_claim()].user, s.new_id()});
             s.count(-1, -1);
         },
         {"duplicate_users"}},
        {"a row that is gone, and nothing knows",
         unsold(),
         [](Spoiled& s) { s.drop_row(s.any_claim()); },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift"}},
        {"a row that is gone, after all went",
         sold(),
         [](Spoiled& s) { s.drop_row(s.any_claim()); },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift", "sold_out_flag",
          "false_sold_out", "undersell"}},
        {"a row under the name of somebody else",
         unsold(),
         [](Spoiled& s) { s.rows()[s.any_claim()].user = s.stranger(); },
         {"lost_claims", "phantom_claims", "user_set_drift"}},
        {"a row under the name of another holder",
         unsold(),
         [](Spoiled& s) { s.rows()[0].user = s.rows()[1].user; },
         {"lost_claims", "duplicate_users", "user_set_drift"}},
        {"the cache offers one that is gone",
         unsold(),
         [](Spoiled& s) { s.count(1, 0); },
         {"cache_drift"}},
        {"the cache lost one", unsold(), [](Spoiled& s) { s.count(-1, 0); }, {"cache_drift"}},
        {"the cache offers one after all went",
         sold(),
         [](Spoiled& s) { s.count(1, 0); },
         {"cache_drift"}},
        {"the cache is below zero",
         sold(),
         [](Spoiled& s) { s.count(-1, 0); },
         {"cache_drift", "over_decrement"}},
        {"the database's counter is too high",
         unsold(),
         [](Spoiled& s) { s.count(0, 1); },
         {"database_drift"}},
        {"the database's counter is too low",
         unsold(),
         [](Spoiled& s) { s.count(0, -1); },
         {"database_drift"}},
        {"both counters lost one",
         unsold(),
         [](Spoiled& s) { s.count(-1, -1); },
         {"cache_drift", "database_drift"}},
        {"marked sold out too early",
         unsold(),
         [](Spoiled& s) { s.after().sold_out = true; },
         {"sold_out_flag"}},
        {"not marked sold out",
         sold(),
         [](Spoiled& s) { s.after().sold_out = false; },
         {"sold_out_flag"}},
        {"a holder is not in the cache's set",
         unsold(),
         [](Spoiled& s) { s.drop_from_set(s.rows()[s.any_claim()].user); },
         {"user_set_drift"}},
        {"a loser is in the cache's set",
         sold(),
         [](Spoiled& s) { s.set().push_back(s.early_loser().user); },
         {"user_set_drift"}},
        {"a claim stays queued that nothing counts",
         unsold(),
         [](Spoiled& s) { s.after().backlog = std::int64_t{1}; },
         {"cache_drift"}},
        {"a lock for ever",
         unsold(),
         [](Spoiled& s) {
             s.after().locks = std::vector<LockSeen>{{"lock:c1", -1}};
         },
         {"stuck_lock"}},
        {"a lock that is renewed for nobody",
         unsold(),
         [](Spoiled& s) {
             s.evidence().before.locks = std::vector<LockSeen>{{"lock:c1", 900}};
             s.after().locks = std::vector<LockSeen>{{"lock:c1", 900}};
         },
         {"stuck_lock"}},
    };
    return plants;
}

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& number_plants() {
    static const std::vector<Plant> plants = {
        {"a ticket twice, told and stored",
         numbered(unsold()),
         [](Spoiled& s) { s.set_ticket(8, 8); },
         {"tickets", "linearizable"}},
        {"a ticket twice, stored alone",
         numbered(unsold()),
         [](Spoiled& s) { s.rows()[8].ticket = 8; },
         {"tickets"}},
        {"a ticket told to two users, stored right",
         numbered(unsold()),
         [](Spoiled& s) { s.grant_of(8).ticket = 8; },
         {"tickets", "linearizable"}},
        {"a ticket beyond the stock",
         numbered(sold()),
         [](Spoiled& s) { s.set_ticket(s.last_claim(), s.campaign().stock + 1); },
         {"tickets", "linearizable"}},
        {"ticket zero",
         numbered(unsold()),
         [](Spoiled& s) { s.set_ticket(0, 0); },
         {"tickets", "linearizable"}},
        {"a burnt ticket",
         numbered(unsold()),
         [](Spoiled& s) {
             const auto rows = static_cast<std::int64_t>(s.rows().size());
             s.set_ticket(s.last_claim(), rows + 1);
         },
         {"tickets", "linearizable"}},
        {"tickets out of order",
         numbered(unsold()),
         [](Spoiled& s) {
             Attempt& last = s.grant_of(s.last_claim());
             last.sent_ns = s.end_of_all() + 1;
             last.done_ns = last.sent_ns + 5;
             const auto rows = static_cast<std::int64_t>(s.rows().size());
             s.set_ticket(s.last_claim(), 1);
             s.set_ticket(0, rows);
         },
         {"claim_order", "linearizable"}},
        {"tickets out of order, where gaps are allowed",
         numbered(unsold()),
         [](Spoiled& s) {
             s.campaign().gap_free_tickets = false;
             Attempt& last = s.grant_of(s.last_claim());
             last.sent_ns = s.end_of_all() + 1;
             last.done_ns = last.sent_ns + 5;
             s.set_ticket(s.last_claim(), 1);
             s.set_ticket(0, 59);
         },
         {"claim_order"}},
        {"an amount below the least",
         envelopes(),
         [](Spoiled& s) { s.set_amount(3, 4); },
         {"amounts"}},
        {"a cent over the budget",
         envelopes(),
         [](Spoiled& s) { s.set_amount(3, s.rows()[3].amount_cents + 1); },
         {"amounts"}},
        {"a cent of the budget is left",
         envelopes(),
         [](Spoiled& s) { ++s.campaign().budget_cents.value(); },
         {"amounts"}},
        {"told a cent more than is stored",
         envelopes(),
         [](Spoiled& s) { ++s.grant_of(s.any_claim()).amount_cents; },
         {"amounts"}},
        {"told a cent less than is stored",
         envelopes(),
         [](Spoiled& s) { --s.grant_of(s.any_claim()).amount_cents; },
         {"amounts"}},
        {"a negative amount that another makes up for",
         envelopes(),
         [](Spoiled& s) {
             s.set_amount(0, s.rows()[0].amount_cents + s.rows()[1].amount_cents + 7);
             s.set_amount(1, -7);
         },
         {"amounts"}},
        {"a claim that was never paid",
         envelopes(),
         [](Spoiled& s) { s.payouts().erase(s.payouts().begin() + 4); },
         {"payouts"}},
        {"a claim that was paid twice",
         envelopes(),
         [](Spoiled& s) { s.payouts().push_back(s.payouts()[s.any_claim()]); },
         {"payouts"}},
        {"a payout of a claim that does not exist",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().push_back({s.new_id(), 5, s.rows()[0].user});
         },
         {"payouts"}},
        {"a payout that names no claim",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().push_back({kNoText, 5, s.rows()[0].user});
         },
         {"payouts"}},
        {"a payout of another amount",
         envelopes(),
         [](Spoiled& s) { ++s.payouts()[s.any_claim()].amount_cents; },
         {"payouts"}},
        {"a payout to another user",
         envelopes(),
         [](Spoiled& s) { s.payouts()[5].user = s.payouts()[6].user; },
         {"payouts"}},
        {"a row and its payout are gone",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().erase(s.payouts().begin() + 4);
             s.drop_row(4);
         },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift", "sold_out_flag",
          "false_sold_out", "undersell"}},
    };
    return plants;
}

const std::vector<Plant>& harmless_plants() {
    static const std::vector<Plant> plants = {
        {"nothing", envelopes(), [](Spoiled&) {}, {}},
        {"an answer that was lost",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::unknown;
             attempt.done_ns = kNever;
             attempt.claim_id = kNoText;
         },
         {}},
        {"a grant told again long after all went",
         sold(),
         [](Spoiled& s) {
             const Attempt grant = s.grant_of(s.any_claim());
             s.attempt(grant.user, Outcome::granted, 900, 950).claim_id = grant.claim_id;
         },
         {}},
        {"somebody who was throttled",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::throttled, 0, 5); },
         {}},
        {"a lock that goes by itself",
         sold(),
         [](Spoiled& s) {
             s.after().locks = std::vector<LockSeen>{{"lock:c1", 900}};
         },
         {}},
        {"a refusal as long as the storm",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, -9, 900); },
         {}},
    };
    return plants;
}

/// Each plant in several runs, each to be found by exactly the checks that name it.
void find_each(const std::vector<Plant>& plants) {
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

}  // namespace

TEST_CASE("an answer that cannot be right is found by the checks that name it, and no others") {
    find_each(history_plants());
}

TEST_CASE("a store that went wrong is found by the checks that name it, and no others") {
    find_each(store_plants());
}

TEST_CASE("wrong numbers and wrong money are found by the checks that name them, and no others") {
    find_each(number_plants());
}

TEST_CASE("what a sound service does now and then is found by none") {
    find_each(harmless_plants());
}

}  // namespace claimstorm::test
