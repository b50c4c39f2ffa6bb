#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "tests/support/flow_bench.h"
#include "tests/support/interleaving.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

/// Everything in them is right but the lock itself.
const std::vector<std::string>& flows_that_trust_their_lock() {
    static const std::vector<std::string> names = {
        "coupon/global-lock/setnx-expire", "coupon/global-lock/short-ttl",
        "coupon/global-lock/early-unlock", "coupon/global-lock/watchdog"};
    return names;
}

std::vector<std::string> flows_with_a_lock() {
    std::vector<std::string> names = flows_that_trust_their_lock();
    names.insert(names.end(), {"coupon/decrement-lock", "coupon/global-lock",
                               "coupon/global-lock/recheck", "coupon/global-lock/fencing"});
    return names;
}

const std::string& lock() {
    static const std::string key = key_of("bench", "lock");
    return key;
}

/// The options, for flows whose lock expires.
std::vector<std::string> if_it_expires(const std::string& flow, std::vector<std::string> options) {
    return flow == "coupon/global-lock" ? std::vector<std::string>{} : std::move(options);
}

std::int64_t pttl(Bench& bench) {
    return bench.context.redis().command({"PTTL", lock()}).integer();
}

void check_last_unit_sold_twice(Bench& bench) {
    const auto state = bench.state();
    CHECK(state.claims == 2);
    CHECK(state.remaining == 0);  // both counters look as they should
    CHECK(state.cache_remaining == 0);
    CHECK(state.sold_out);
}

}  // namespace

TEST_CASE("every flow with a lock serves claims that come one after the other rightly") {
    for (const std::string& name : flows_with_a_lock()) {
        INFO(name);
        Bench bench(name, 2, if_it_expires(name, {"ttl=1m"}));
        CHECK(bench.claim("a") == Outcome::granted);
        CHECK(bench.claim("a") == Outcome::already_claimed);
        CHECK(bench.state().cache_remaining == 1);
        CHECK(bench.claim("b") == Outcome::granted);
        CHECK(bench.claim("c") == Outcome::sold_out);
        const auto state = bench.state();
        CHECK(state.claims == 2);
        CHECK(state.remaining == 0);
        CHECK(state.cache_remaining == 0);
        CHECK(state.sold_out);
        CHECK(pttl(bench) == -2);  // released
        CHECK(bench.context.lock_waited().count() == 0);
        bench.flow->prepare(bench.context, bench.campaign);
        CHECK(bench.claim("a") == Outcome::granted);
    }
}

TEST_CASE("a lock somebody else holds is waited for while `wait` lasts, and left alone") {
    for (const std::string& name : flows_with_a_lock()) {
        INFO(name);
        Bench bench(name, 2, {"wait=20ms"});
        bench.context.redis().command({"SET", lock(), "somebody"});
        CHECK(bench.claim("a") == Outcome::throttled);
        CHECK(bench.context.lock_waited() >= std::chrono::milliseconds(20));
        CHECK(bench.context.redis().command({"GET", lock()}).text() == "somebody");
        CHECK(bench.state().claims == 0);
        CHECK(bench.state().cache_remaining == 2);
    }
}

TEST_CASE("with lock_wait=none a lock somebody else holds is tried for once") {
    for (const std::string& name : flows_with_a_lock()) {
        INFO(name);
        // Whoever waited all the same would outlast the test.
        Bench bench(name, 2, {"lock_wait=none", "wait=1m"});
        bench.context.redis().command({"SET", lock(), "somebody"});
        CHECK(bench.claim("a") == Outcome::throttled);
        CHECK(bench.claim("a") == Outcome::throttled);
    }
}

TEST_CASE("an exception in a claim that holds a lock releases it") {
    for (const std::string& name : flows_with_a_lock()) {
        const FlowEntry& entry = find_flow(name);
        for (const std::string& step : entry.steps) {
            // The article puts its "release on failure" around the decrement and the transaction.
            if (name == "coupon/global-lock" && (step == "in_lock" || step == "before_unlock")) {
                continue;
            }
            INFO(name << " at " << step);
            Bench bench(name, 2, if_it_expires(name, {"ttl=1m"}));
            const StepHook fail = [&](Context&, std::string_view at) {
                if (at == step) throw InjectedError("injected");
            };
            Context context(lab_stores(), &fail);
            try {
                bench.claim(context, "a");
            } catch (const InjectedError&) {
            }
            CHECK(pttl(bench) == -2);
        }
    }
}

TEST_CASE("decrement-lock: the transactions behind the lock race, so an update is lost") {
    Bench bench("coupon/decrement-lock", 10);
    Meeting("after_read").run(bench, "a", "b");
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().cache_remaining == 8);
    CHECK(bench.state().remaining == 9);
    Bench relative("coupon/decrement-lock", 10, {"write=relative"});
    Meeting("after_read").run(relative, "a", "b");
    CHECK(relative.state().remaining == 8);
}

TEST_CASE("decrement-lock: two clicks of one user are both stored, whatever the write") {
    for (const char* write : {"write=absolute", "write=relative"}) {
        INFO(write);
        Bench bench("coupon/decrement-lock", 10, {write});
        Meeting("after_read").run(bench, "a", "a");
        CHECK(bench.state().claims == 2);
        CHECK(rows_of("bench").users == 1);
        CHECK(bench.state().cache_remaining == 8);
    }
}

TEST_CASE("decrement-lock: the cache never falls below zero, which is all the lock is good for") {
    Bench bench("coupon/decrement-lock", 1);
    const auto [one, other] = Meeting("after_read").run(bench, "a", "b");
    CHECK(((one == Outcome::granted) != (other == Outcome::granted)));
    CHECK(((one == Outcome::sold_out) != (other == Outcome::sold_out)));
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().cache_remaining == 0);
}

TEST_CASE("decrement-lock gives the unit back when the transaction fails") {
    Bench bench("coupon/decrement-lock", 2);
    const StepHook fail = [](Context&, std::string_view step) {
        if (step == "before_commit") throw InjectedError("injected");
    };
    Context context(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(bench.state().claims == 0);
    CHECK(bench.state().cache_remaining == 2);
}

TEST_CASE("the lock as the article writes it: cache+1 after the release comes too late") {
    Bench bench("coupon/global-lock", 1);
    Outcome meanwhile = Outcome::unknown;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "before_commit") throw InjectedError("injected");
        if (step == "after_unlock") meanwhile = bench.claim("b");
    };
    Context context(lab_stores(), &hook);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(meanwhile == Outcome::sold_out);
    CHECK(bench.state().claims == 0);
    CHECK(bench.state().cache_remaining == 1);
    CHECK(bench.state().remaining == 1);
    CHECK(bench.state().sold_out);  // and nobody ever takes the mark back
    CHECK(bench.claim("c") == Outcome::sold_out);
}

TEST_CASE("a crash inside the lock: for ever without an expiry, for the TTL with one") {
    const struct {
        const char* flow;
        const char* step;
        bool is_stuck;
    } table[] = {{"coupon/global-lock", "in_lock", true},
                 {"coupon/global-lock/setnx-expire", "after_setnx", true},
                 {"coupon/global-lock/setnx-expire", "in_lock", false},
                 {"coupon/global-lock/short-ttl", "in_lock", false},
                 {"coupon/global-lock/early-unlock", "in_lock", false},
                 {"coupon/global-lock/watchdog", "in_lock", false},
                 {"coupon/global-lock/recheck", "in_lock", false},
                 {"coupon/global-lock/fencing", "in_lock", false},
                 {"coupon/decrement-lock", "in_lock", false}};
    for (const auto& row : table) {
        INFO(row.flow << " at " << row.step);
        Bench bench(row.flow, 2, if_it_expires(row.flow, {"ttl=20ms", "wait=10s"}));
        REQUIRE(claim_and_crash(bench, "a", row.step));
        if (row.is_stuck) {
            CHECK(pttl(bench) == -1);
            const auto hasty = bench.entry.make(
                FlowOptions(bench.entry.name, bench.entry.options, {"lock_wait=none"}));
            CHECK(hasty->claim(bench.context, bench.campaign, "b").outcome == Outcome::throttled);
        } else {
            CHECK(pttl(bench) != -1);
            CHECK(bench.claim("b") == Outcome::granted);
        }
    }
}

TEST_CASE("flows that trust their lock hold while one claim at a time is inside") {
    for (const std::string& name : flows_that_trust_their_lock()) {
        // With an early unlock two are never quite kept apart: the next one is let in before
        // COMMIT.
        if (name == "coupon/global-lock/early-unlock") continue;
        INFO(name);
        Bench last(name, 1, {"ttl=1m"});
        const auto [one, other] = Meeting("after_read").run(last, "a", "b");
        CHECK(((one == Outcome::granted) != (other == Outcome::granted)));
        CHECK(last.state().claims == 1);
        Bench clicks(name, 5, {"ttl=1m"});
        Meeting("after_read").run(clicks, "a", "a");
        CHECK(clicks.state().claims == 1);
        CHECK(clicks.state().cache_remaining == 4);
    }
}

TEST_CASE("an expired lock lets a second holder in: one unit twice, one user twice") {
    for (const char* name : {"coupon/global-lock/short-ttl", "coupon/global-lock/setnx-expire",
                             "coupon/global-lock/watchdog"}) {
        INFO(name);
        const std::vector<std::string> expired = {"ttl=1ms", "wait=20s"};
        Bench last(name, 1, expired);
        const auto [one, other] = Meeting("after_recheck").run(last, "a", "b");
        CHECK(one == Outcome::granted);
        CHECK(other == Outcome::granted);
        check_last_unit_sold_twice(last);
        Bench clicks(name, 5, expired);
        Meeting("after_recheck").run(clicks, "a", "a");
        CHECK(clicks.state().claims == 2);
        CHECK(rows_of("bench").users == 1);
        CHECK(clicks.state().cache_remaining == 4);
    }
}

TEST_CASE("a plain DEL deletes the lock of the next holder, compare-and-delete does not") {
    for (const std::string& name : flows_with_a_lock()) {
        INFO(name);
        Bench bench(name, 5);
        const StepHook hook = [&](Context& with, std::string_view step) {
            // Its own lock has expired, somebody else's is there.
            if (step == "in_lock") with.redis().command({"SET", lock(), "somebody else"});
        };
        Context context(lab_stores(), &hook);
        CHECK(bench.claim(context, "a") == Outcome::granted);
        const bool deletes = name == "coupon/global-lock/short-ttl" || name == "coupon/global-lock";
        CHECK(bench.context.redis().command({"EXISTS", lock()}).integer() == (deletes ? 0 : 1));
    }
}

TEST_CASE("early-unlock: between release and COMMIT the next holder reads the old state") {
    const Overtaking between{"before_commit", "after_recheck"};
    Bench last("coupon/global-lock/early-unlock", 1, {"ttl=1m"});
    const auto outcomes = between.run(last, "a", "b");
    CHECK(outcomes.first == Outcome::granted);
    CHECK(outcomes.second == Outcome::granted);
    check_last_unit_sold_twice(last);
    Bench clicks("coupon/global-lock/early-unlock", 5, {"ttl=1m"});
    between.run(clicks, "a", "a");
    CHECK(clicks.state().claims == 2);
    CHECK(clicks.state().remaining == 4);
}

TEST_CASE("watchdog: a stalled renewal lets a second holder in") {
    Bench bench("coupon/global-lock/watchdog", 1, {"ttl=20ms", "renew=1ms", "wait=20s"});
    std::latch over(1);
    std::latch stalled(1);
    bool first = true;
    {
        const BackgroundThread watchdog(bench, [&](Context&, std::string_view step) {
            if (step != "before_renewal" || !std::exchange(first, false)) return;
            stalled.count_down();
            over.wait();
        });
        stalled.wait();
        const auto outcomes = Overtaking{"after_recheck"}.run(bench, "a", "b");
        CHECK(outcomes.first == Outcome::granted);
        CHECK(outcomes.second == Outcome::granted);
        over.count_down();
    }
    check_last_unit_sold_twice(bench);
}

TEST_CASE("watchdog: what it renews is held for as long as the claim takes, and nothing else is") {
    Bench bench("coupon/global-lock/watchdog", 1, {"ttl=1m", "renew=1ms", "lock_wait=none"});
    std::atomic<int> renewals = 0;
    const BackgroundThread watchdog(bench, [&](Context&, std::string_view step) {
        if (step == "before_renewal") ++renewals;
    });
    const auto wait_for_a_renewal = [&] {
        // The second step from now on is behind a renewal that began after now.
        for (const int now = renewals; renewals < now + 2;) std::this_thread::yield();
    };
    std::string token;
    const StepHook hook = [&](Context& with, std::string_view step) {
        if (step != "after_recheck") return;
        token = with.redis().command({"GET", lock()}).text();
        with.redis().command({"PEXPIRE", lock(), "30000"});
        wait_for_a_renewal();
        CHECK(pttl(bench) > 30000);
        CHECK(bench.claim("b") == Outcome::throttled);
        with.redis().command({"SET", lock(), "somebody else", "PX", "30000"});
        wait_for_a_renewal();
        CHECK(pttl(bench) <= 30000);
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::granted);
    // Struck from the table when the claim ended.
    bench.context.redis().command({"SET", lock(), token, "PX", "30000"});
    wait_for_a_renewal();
    CHECK(pttl(bench) <= 30000);
    CHECK(bench.state().claims == 1);
}
