#include <atomic>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "reference_server/flows/envelope_payouts.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/envelope_bench.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

const std::vector<std::string> outbox_flows = {"envelope/id-table/guarded", "envelope/incr-once"};

std::int64_t unpaid(Bench& bench) {
    return bench.context.mysql()
        .query_one("SELECT COUNT(*) FROM envelope_orders WHERE campaign_id = 'bench' AND paid = 0")
        ->int64(0);
}

}  // namespace

TEST_CASE("the payment service pays each key once, and whatever comes without a key") {
    Bench bench("envelope/id-table", 1);
    MysqlConnection& mysql = bench.context.mysql();
    const PayoutOrder order{"bench", "a", "HB1", 100};
    pay(mysql, order, "HB1");
    pay(mysql, order, "HB1");
    CHECK(payouts(bench).size() == 1);
    pay(mysql, order, {});
    pay(mysql, order, {});
    CHECK(payouts(bench).size() == 3);
    CHECK(sum_of(payouts(bench)) == 300);
}

TEST_CASE("the outbox pays what was won, once, also when a payment or its answer fails") {
    for (const std::string& name : outbox_flows) {
        for (const char* step : {"none", "before_payout", "after_payout"}) {
            INFO(name << " failing at " << step);
            Bench bench(name, 3);
            bench.claim("a");
            bench.claim("b");
            bench.claim("a");
            const Background worker(bench, failing_at(step, 2));
            CHECK(Background::until([&] { return unpaid(bench) == 0; }));
            CHECK(who_has_what(payouts(bench)) == who_has_what(winners(bench)));
            CHECK(sum_of(payouts(bench)) == sum_of(winners(bench)));
        }
    }
}

TEST_CASE("what was won before a crash is in the outbox of whoever starts next") {
    for (const std::string& name : outbox_flows) {
        INFO(name);
        Bench bench(name, 2);
        bench.claim("a");
        bench.flow = bench.entry.make(FlowOptions(name, bench.entry.options, {}));
        const Background worker(bench);
        CHECK(Background::until([&] { return unpaid(bench) == 0; }));
        CHECK(who_has_what(payouts(bench)) == "a:HB1");
    }
}

TEST_CASE("the queue in memory pays what was won, and forgets it with its process") {
    Bench bench("envelope/id-table", 2);
    bench.claim("a");
    {
        const Background worker(bench);
        CHECK(Background::until([&] { return payouts(bench).size() == 1; }));
    }
    bench.claim("b");
    bench.flow = bench.entry.make(FlowOptions(bench.entry.name, bench.entry.options, {}));
    bench.flow->create_schema(bench.context);
    {
        // It comes to the orders of the other event only when its queue has nothing before them.
        const Background worker(bench);
        Campaign other = bench.campaign;
        other.id = "other";
        bench.flow->prepare(bench.context, other);
        bench.flow->claim(bench.context, other, "c");
        CHECK(Background::until([&] {
            return bench.context.mysql()
                       .query_one("SELECT COUNT(*) FROM payouts WHERE campaign_id = 'other'")
                       ->int64(0) == 1;
        }));
        bench.flow->close(bench.context, other);
    }
    CHECK(who_has_what(winners(bench)) == "a:HB1 b:HB2");
    CHECK(who_has_what(payouts(bench)) == "a:HB1");
}

TEST_CASE("the queue in memory pays twice when an answer is lost, and gives up in the end") {
    Bench bench("envelope/id-table", 3);
    bench.claim("a");
    bench.claim("b");
    std::atomic<int> before = 0;
    std::atomic<int> after = 0;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "before_payout" && ++before > 2) throw InjectedError("down for good");
        if (step == "after_payout" && ++after == 1) throw InjectedError("the answer is lost");
    };
    {
        const Background worker(bench, hook);
        CHECK(Background::until([&] { return before >= 7; }));
    }
    CHECK(before == 7);  // a: once, and again; b: five times
    CHECK(who_has_what(payouts(bench)) == "a:HB1 a:HB1");
}

TEST_CASE("locked pays before it lets the next in; what it could not pay is paid behind it") {
    Bench bench("envelope/locked", 2);
    bench.claim("a");
    CHECK(who_has_what(payouts(bench)) == "a:HB1");
    CHECK(unpaid(bench) == 0);
    const StepHook fail = failing_at("before_payout");
    Context failing(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(failing, "b"), InjectedError);
    CHECK(unpaid(bench) == 1);
    const Background worker(bench);
    CHECK(Background::until([&] { return unpaid(bench) == 0; }));
    CHECK(who_has_what(payouts(bench)) == "a:HB1 b:HB2");
}

TEST_CASE("a campaign is put to its start only when nothing of it is being paid") {
    const std::vector<std::string> flows = {"envelope/id-table/guarded", "envelope/id-table",
                                            "envelope/incr-once"};
    for (const std::string& name : flows) {
        INFO(name);
        Bench bench(name, 2);
        bench.claim("a");
        std::future<void> resetting;
        std::atomic<bool> paying = false;
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step != "before_payout" || paying) return;
            resetting = std::async(std::launch::async, [&bench] {
                Context context(lab_stores(), nullptr);
                bench.flow->prepare(context, bench.campaign);
            });
            // A reset that did not wait would be through by then.
            resetting.wait_for(std::chrono::milliseconds(200));
            paying = true;
        };
        const Background worker(bench, hook);
        CHECK(Background::until([&] { return paying.load(); }));
        resetting.get();
        CHECK(payouts(bench).empty());
        CHECK(unpaid(bench) == 0);
    }
}

namespace {

/// One claim whose connection breaks at `text`, then others that take the rest.
void check_survives_break(const std::string& flow, bool is_mysql, const std::string& text,
                          DroppingProxy::When when) {
    INFO(flow << ": " << text
              << (when == DroppingProxy::When::before_effect ? " unheard" : " unanswered"));
    StoreAddresses through = lab_stores();
    DroppingProxy proxy(is_mysql ? through.mysql.port : through.redis.port);
    (is_mysql ? through.mysql.port : through.redis.port) = proxy.port();
    Bench bench(flow, 2);
    Context context(through, nullptr);
    proxy.arm(text, when);
    Outcome outcome = Outcome::unknown;
    try {
        outcome = bench.claim(context, "a");
    } catch (const EnvironmentError&) {  // the client is told 500
    }
    REQUIRE(proxy.has_dropped());
    if (outcome == Outcome::granted) CHECK(winners(bench).size() == 1);
    bench.claim(context, "a");
    CHECK(bench.claim(context, "b") == Outcome::granted);
    CHECK(bench.claim(context, "c") == Outcome::sold_out);
    CHECK(winners(bench).size() == 2);
    CHECK(winners(bench)[0].user != winners(bench)[1].user);
    CHECK(sum_of(winners(bench)) == 200);
    const Background worker(bench);
    CHECK(Background::until([&] { return unpaid(bench) == 0; }));
    CHECK(who_has_what(payouts(bench)) == who_has_what(winners(bench)));
}

}  // namespace

TEST_CASE("sound envelope flows hold when a store's connection breaks at any of their commands") {
    struct Breaks {
        std::string flow;
        std::vector<std::string> mysql;
        std::vector<std::string> redis;
    };
    const std::vector<Breaks> table = {
        {"envelope/locked",
         {"SELECT envelopes_left", "START TRANSACTION", "FOR UPDATE", "INSERT INTO envelope_orders",
          "UPDATE envelope_pots", "INSERT INTO envelope_claims", "SET claim_id", "COMMIT",
          "INSERT INTO payouts", "SET paid"},
         {"NX", "EVAL"}},
        {"envelope/id-table/guarded",
         {"SELECT 1 FROM envelope_orders", "START TRANSACTION", "FROM envelope_id_tables",
          "INSERT INTO envelope_orders", "INSERT INTO envelope_ids", "SELECT amount_cents",
          "SET claim_id", "COMMIT"},
         {}},
        {"envelope/incr-once",
         {"SELECT amount_cents", "START TRANSACTION", "INSERT INTO envelope_orders",
          "INSERT INTO envelope_claims", "SET claim_id", "COMMIT"},
         {"EVAL"}}};
    for (const Breaks& row : table) {
        for (const auto when :
             {DroppingProxy::When::before_effect, DroppingProxy::When::after_effect}) {
            for (const auto& text : row.mysql) check_survives_break(row.flow, true, text, when);
            for (const auto& text : row.redis) check_survives_break(row.flow, false, text, when);
        }
    }
}
