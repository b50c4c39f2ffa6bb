#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/support/envelope_bench.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

std::int64_t unpaid(Bench& bench) {
    return bench.context.mysql()
        .query_one("SELECT COUNT(*) FROM envelope_orders WHERE campaign_id = 'bench' AND paid = 0")
        ->int64(0);
}

/// Breaks the connection of a claim under way, whose transaction the server then rolls back.
void kill_connection(Context& context) {
    const auto row = context.mysql().query_one("SELECT CONNECTION_ID()");
    MysqlConnection(lab_stores().mysql).execute_text("KILL " + std::to_string(row->int64(0)));
}

const std::vector<std::string> outbox_flows = {"envelope/id-table/guarded", "envelope/incr-once"};

/// "a" wins HB1; while one server pays for it another puts the campaign to its start, and `winner`
/// wins HB1: what he has won is paid, and nothing else.
void check_pays_the_new_life(const std::string& flow, const std::string& at_step,
                             const std::string& winner) {
    INFO(flow << ": started anew at " << at_step << ", won by " << winner);
    Bench bench(flow, 1);
    REQUIRE(bench.claim("a") == Outcome::granted);
    const auto other_server = bench.entry.make(FlowOptions(flow, bench.entry.options, {}));
    std::atomic<bool> is_anew = false;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step != at_step || is_anew) return;
        Context context(lab_stores(), nullptr);
        other_server->prepare(context, bench.campaign);
        other_server->claim(context, bench.campaign, winner);
        is_anew = true;
    };
    const Background worker(bench, hook);
    CHECK(Background::until([&] { return is_anew && unpaid(bench) == 0; }));
    CHECK(who_has_what(winners(bench)) == winner + ":HB1");
    CHECK(who_has_what(payouts(bench)) == winner + ":HB1");
}

}  // namespace

TEST_CASE("an order of a campaign's former life is neither paid nor taken for one of the new") {
    for (const std::string& flow : outbox_flows) {
        for (const char* step : {"before_payout", "after_payout"}) {
            check_pays_the_new_life(flow, step, "a");
            check_pays_the_new_life(flow, step, "b");
        }
    }
}

TEST_CASE(
    "locked: a lost claim does not take another click's envelope of that number for its own") {
    Bench bench("envelope/locked", 2, {"ttl=1ms", "wait=5s"});
    // That two draws are the same is out of the question.
    bench.campaign.budget_cents = 1'000'000'000;
    bench.flow->prepare(bench.context, bench.campaign);
    bool is_lost = false;
    const StepHook hook = [&](Context& context, std::string_view step) {
        if (step != "before_commit" || is_lost) return;
        is_lost = true;
        kill_connection(context);
        // The other click waits until the server has rolled back, and is stored before the first
        // has sent its COMMIT. Its payment is left to whoever comes first.
        const StepHook fail = failing_at("before_payout");
        Context other(lab_stores(), &fail);
        CHECK_THROWS_AS(bench.claim(other, "a"), InjectedError);
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::already_claimed);
    REQUIRE(is_lost);
    const Background worker(bench);
    CHECK(Background::until([&] { return unpaid(bench) == 0; }));
    CHECK(who_has_what(payouts(bench)) == "a:HB1");
    CHECK(sum_of(payouts(bench)) == sum_of(winners(bench)));
}

TEST_CASE("guarded: a remembered id table that is not the event's any more is looked up again") {
    Bench bench("envelope/id-table/guarded", 2);
    REQUIRE(bench.claim("a") == Outcome::granted);
    const auto other_server =
        bench.entry.make(FlowOptions(bench.entry.name, bench.entry.options, {}));
    other_server->prepare(bench.context, bench.campaign);
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(who_has_what(winners(bench)) == "b:HB1 a:HB2");
    other_server->close(bench.context, bench.campaign);
    CHECK(bench.claim("c") == Outcome::rejected);
    CHECK(bench.claim("c") == Outcome::rejected);
}

TEST_CASE("sound envelope flows tell a claim that gave way on every try to come again") {
    for (const char* flow :
         {"envelope/locked", "envelope/id-table/guarded", "envelope/incr-once"}) {
        INFO(flow);
        Bench bench(flow, 1);
        MysqlConnection rival(lab_stores().mysql);
        rival.execute_text("START TRANSACTION");
        rival.execute("INSERT INTO envelope_orders (campaign_id, user_id) VALUES ('bench', 'a')");
        StoreAddresses stores = lab_stores();
        stores.lock_wait_timeout = std::chrono::seconds(0);  // 1205 at once
        Context impatient(stores, nullptr);
        CHECK(bench.claim(impatient, "a") == Outcome::throttled);
        CHECK(winners(bench).empty());
        rival.execute_text("ROLLBACK");
        CHECK(bench.claim(impatient, "a") == Outcome::granted);
    }
}
