#include <algorithm>
#include <random>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/watch_figures.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

/// What a sound service with a queue may do, in any mixture.
struct Ways {
    bool answers_once_queued = false;  ///< else once stored
    bool has_queue = true;
    bool stores_before_taking_off = true;  ///< else both in one step
    bool ids = true;
    bool replays = false;
    int old_rows = 0;
    int loss_percent = 0;
    int failure_percent = 0;  ///< rows that stand for a while, and are taken back
    int release_percent = 0;  ///< granted claims that are given back, and claimed again
};

constexpr TimeNs kLongBefore = -1'000'000;

/// The life of one row or one entry: from the first instant to before the last one.
struct Life {
    TimeNs from = 0;
    TimeNs until = kNever;
    bool stands_at(TimeNs now) const { return from <= now && now < until; }
};

/// A watched storm at such a service, simulated: the readings of a sample each see one instant.
class WatchedRun {
  public:
    WatchedRun(const Ways& ways, std::uint32_t seed) : ways_(ways), random_(seed) {
        Evidence& evidence = evidence_;
        evidence.campaign.stock = 1000;
        evidence.settlement.settled = true;
        Ledger before;
        for (int i = 0; i < ways.old_rows; ++i) {
            const UserId user = evidence.users.intern("old" + std::to_string(i));
            const TextRef id = evidence.texts.add("old" + std::to_string(i));
            before.rows.push_back({user, id, kNoNumber, kNoNumber});
            Life life{kLongBefore, chance(ways.release_percent) ? between(0, 400) : kNever};
            keep(life, user, id);
            if (life.until != kNever) claim(user, life.until + between(0, 50));
        }
        evidence.before.ledger = before;
        for (int i = 0; i < 30; ++i) {
            const UserId user = evidence.users.intern("u" + std::to_string(i));
            claim(user, between(0, 200));
        }
        evidence.after.ledger = at_rest_;
        if (ways.has_queue) evidence.after.backlog = std::int64_t{0};
        watch();
    }
    Evidence& evidence() { return evidence_; }

  private:
    int between(int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random_);
    }
    bool chance(int percent) { return between(1, 100) <= percent; }

    void keep(const Life& life, UserId user, TextRef id) {
        rows_.push_back(life);
        if (life.until == kNever) at_rest_.rows.push_back({user, id, kNoNumber, kNoNumber});
    }
    void record(UserId user, TimeNs sent, TimeNs done, Outcome outcome, TextRef id = kNoText) {
        Attempt attempt;
        attempt.user = user;
        attempt.outcome = outcome;
        attempt.due_ns = sent;
        attempt.sent_ns = sent;
        attempt.done_ns = is_indeterminate(outcome) ? kNever : done;
        if (ways_.ids) attempt.claim_id = id;
        evidence_.history.attempts.push_back(attempt);
    }

    void claim(UserId user, TimeNs sent) {
        if (chance(ways_.failure_percent)) {
            fail(user, sent);
            sent += between(0, 100);
        }
        const TextRef id = evidence_.texts.add(std::to_string(next_id_++));
        const TimeNs queued = sent + between(0, 20);
        const TimeNs stored = queued + (ways_.has_queue ? between(0, 200) : 0);
        const TimeNs taken_off = stored + (ways_.stores_before_taking_off ? between(0, 80) : 0);
        if (ways_.has_queue) entries_.push_back({queued, taken_off});
        Life row{stored, kNever};
        const TimeNs safe = ways_.answers_once_queued && ways_.has_queue ? queued : stored;
        const TimeNs done = safe + between(0, 30);
        const bool is_lost = chance(ways_.loss_percent);
        record(user, sent, done, is_lost ? Outcome::unknown : Outcome::granted, id);
        if (ways_.replays && chance(50)) {
            const TimeNs again = sent + between(0, 60);
            record(user, again, std::max(again, safe) + between(0, 30), Outcome::granted, id);
        } else if (chance(40)) {
            const TimeNs again = sent + between(0, 60);
            record(user, again, again + between(0, 30), Outcome::already_claimed);
        }
        // Released once and claimed anew: what is given back is given back for good.
        if (chance(ways_.release_percent) && next_id_ < 200) {
            row.until = std::max(done, taken_off) + between(1, 60);
            keep(row, user, id);
            claim(user, row.until + between(0, 60));
        } else {
            keep(row, user, id);
        }
    }

    /// A row that stands while the attempt is under way, or, where it failed, for as long as the
    /// service likes.
    void fail(UserId user, TimeNs sent) {
        const TimeNs done = sent + between(10, 40);
        const TimeNs stored = sent + between(0, 10);
        const bool is_refused = chance(50);
        const Outcome outcome = is_refused   ? Outcome::sold_out
                                : chance(50) ? Outcome::rejected
                                             : Outcome::unknown;
        record(user, sent, done, outcome);
        rows_.push_back({stored, is_refused ? done : stored + between(0, 200)});
    }

    std::int64_t count(const std::vector<Life>& lives, TimeNs now) const {
        return std::count_if(lives.begin(), lives.end(),
                             [now](const Life& life) { return life.stands_at(now); });
    }

    void watch() {
        evidence_.samples.emplace();
        TimeNs now = between(-20, 20);
        TimeNs end = 500;
        for (const auto* lives : {&rows_, &entries_}) {
            for (const Life& life : *lives) {
                end = std::max(end, life.until == kNever ? life.from : life.until);
            }
        }
        while (now <= end + 100) {
            StoreSample sample;
            sample.begun_ns = now;
            now += between(0, 8);
            if (ways_.has_queue) sample.backlog_before = count(entries_, now);
            now += between(0, 30);
            sample.rows = count(rows_, now);
            now += between(0, 30);
            if (ways_.has_queue) sample.backlog_after = count(entries_, now);
            sample.ended_ns = now + between(0, 8);
            now = sample.ended_ns + between(0, 40);
            evidence_.samples->push_back(sample);
        }
    }

    Ways ways_;
    std::mt19937 random_;
    Evidence evidence_;
    std::vector<Life> entries_;
    std::vector<Life> rows_;
    Ledger at_rest_;
    int next_id_ = 1;
};

Ways random_ways(std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto between = [&random](int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random);
    };
    Ways ways;
    ways.answers_once_queued = between(0, 1) == 0;
    ways.has_queue = between(0, 4) > 0;
    ways.stores_before_taking_off = between(0, 2) > 0;
    ways.ids = between(0, 3) > 0;
    ways.replays = between(0, 1) == 0;
    ways.old_rows = between(0, 2) == 0 ? between(1, 5) : 0;
    ways.loss_percent = between(0, 1) == 0 ? 0 : between(1, 20);
    ways.failure_percent = between(0, 1) == 0 ? 0 : between(1, 40);
    ways.release_percent = between(0, 2) == 0 ? between(1, 30) : 0;
    return ways;
}

std::string in_words(const Ways& ways) {
    return fmt::format(
        "answers once queued {}, queue {}, stores first {}, ids {}, replays {}, old "
        "rows {}, loss {} %, failure {} %, release {} %",
        ways.answers_once_queued, ways.has_queue, ways.stores_before_taking_off, ways.ids,
        ways.replays, ways.old_rows, ways.loss_percent, ways.failure_percent, ways.release_percent);
}

}  // namespace

TEST_CASE("a sound service that is watched is never accused, however its steps interleave",
          "[sweep]") {
    constexpr std::uint32_t kRuns = 3000;
    std::uint32_t judged_by_backlog = 0;
    std::uint32_t with_lag = 0;
    for (std::uint32_t seed = 1; seed <= kRuns; ++seed) {
        const Ways ways = random_ways(seed);
        WatchedRun run(ways, seed);
        Finding finding = check_live_balance(run.evidence());
        if (finding.verdict != Verdict::holds) {
            FAIL_CHECK("seed " << seed << " (" << in_words(ways) << "): " << finding.summary);
        }
        judged_by_backlog += says(finding, "no yes before") ? 1U : 0U;
        with_lag += figures(finding)["rows_behind"] > 0 ? 1U : 0U;
        CHECK(watch_figures(run.evidence())->converged_ms.has_value());
    }
    CHECK(judged_by_backlog > kRuns / 2);
    CHECK(with_lag > kRuns / 5);
}

TEST_CASE("the same service is found out once it answers before its queue has the claim",
          "[sweep]") {
    std::uint32_t found = 0;
    for (std::uint32_t seed = 1; seed <= 100; ++seed) {
        Ways ways;
        ways.answers_once_queued = true;
        WatchedRun run(ways, seed);
        for (StoreSample& sample : *run.evidence().samples) {
            // Nobody's queue: what is in it is lost with the process.
            sample.backlog_before = std::int64_t{0};
            sample.backlog_after = std::int64_t{0};
        }
        const Finding finding = check_live_balance(run.evidence());
        found += finding.verdict == Verdict::violated ? 1U : 0U;
        if (finding.verdict == Verdict::violated) CHECK(finding.strength == Strength::possible);
    }
    CHECK(found == 100);
}

}  // namespace claimstorm::test
