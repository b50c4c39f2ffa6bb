#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/stock.h"
#include "tests/support/flow_bench.h"
#include "tests/support/hammer.h"
#include "tests/support/interleaving.h"
#include "tests/support/running_server.h"
#include "tests/support/survives_break.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

struct SoundFlow {
    std::string name;
    std::vector<std::string> options;

    std::vector<std::string> with(const std::vector<std::string>& more) const {
        std::vector<std::string> all = options;
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
    std::string title() const { return fmt::format("{} {}", name, fmt::join(options, " ")); }
};

const std::vector<SoundFlow>& sound_flows() {
    static const std::vector<SoundFlow> flows = {
        {"coupon/global-lock/recheck", {}},
        {"coupon/global-lock/recheck", {"granularity=segments", "segments=2"}},
        {"coupon/global-lock/recheck", {"granularity=segments", "segments=5"}},
        {"coupon/global-lock/fencing", {}}};
    return flows;
}

void check_one_unit_sold(Bench& bench, std::int64_t left) {
    const auto state = bench.state();
    CHECK(state.claims == 1);
    CHECK(state.remaining == left);
    CHECK(state.cache_remaining == left);
    CHECK(state.sold_out == (left == 0));
}

const std::vector<std::string>& segments_of_two() {
    static const std::vector<std::string> options = {"granularity=segments", "segments=2"};
    return options;
}

}  // namespace

TEST_CASE("sound locks: two holders of an expired lock sell one unit once, one user once") {
    for (const SoundFlow& flow : sound_flows()) {
        for (const std::string& step : find_flow(flow.name).steps) {
            // Of two claims in their transactions one waits for the other, and never gets there.
            if (step == "before_commit") continue;
            INFO(flow.title() << ": both at " << step);
            const auto expired = flow.with({"ttl=1ms", "wait=20s"});
            Bench last(flow.name, 1, expired);
            const auto [one, other] = Meeting(step).run(last, "a", "b");
            CHECK(((one == Outcome::granted) != (other == Outcome::granted)));
            CHECK(((one == Outcome::sold_out) != (other == Outcome::sold_out)));
            check_one_unit_sold(last, 0);
            Bench clicks(flow.name, 5, expired);
            Meeting(step).run(clicks, "a", "a");
            check_one_unit_sold(clicks, 4);
        }
    }
}

TEST_CASE("sound locks: a holder who is overtaken at any step sells nothing twice") {
    for (const SoundFlow& flow : sound_flows()) {
        for (const std::string& step : find_flow(flow.name).steps) {
            if (step == "before_commit") continue;  // who would overtake waits for the COMMIT
            INFO(flow.title() << " overtaken at " << step);
            const auto expired = flow.with({"ttl=1ms", "wait=20s"});
            Bench last(flow.name, 1, expired);
            Overtaking{step}.run(last, "a", "b");
            check_one_unit_sold(last, 0);
            Bench clicks(flow.name, 5, expired);
            Overtaking{step}.run(clicks, "a", "a");
            check_one_unit_sold(clicks, 4);
            Bench two(flow.name, 2, expired);
            const auto outcomes = Overtaking{step}.run(two, "a", "b");
            CHECK(outcomes.first == Outcome::granted);
            CHECK(outcomes.second == Outcome::granted);
            CHECK(two.state().remaining == 0);
            CHECK(two.state().cache_remaining == 0);  // whoever lowers it last
            CHECK(two.state().claims == 2);
        }
    }
}

TEST_CASE("sound locks: an error at any step loses nothing and sells nothing twice") {
    for (const SoundFlow& flow : sound_flows()) {
        for (const std::string& step : find_flow(flow.name).steps) {
            INFO(flow.title() << " fails at " << step);
            Bench bench(flow.name, 2, flow.options);
            bool fails = true;
            const StepHook hook = [&](Context&, std::string_view at) {
                if (at == step && std::exchange(fails, false)) throw InjectedError("injected");
            };
            Context context(lab_stores(), &hook);
            CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
            // Whatever was stored, the cache has followed already.
            CHECK(bench.state().cache_remaining == bench.state().remaining);
            CHECK(bench.state().claims == 2 - bench.state().remaining);
            CHECK_FALSE(has_lock(bench));
            check_sells_the_rest(bench, context);
            CHECK_FALSE(has_lock(bench));
        }
    }
}

TEST_CASE("sound locks: a crash at any step loses nothing, and the next claim mends the cache") {
    for (const SoundFlow& flow : sound_flows()) {
        for (const std::string& step : find_flow(flow.name).steps) {
            INFO(flow.title() << " dies at " << step);
            Bench bench(flow.name, 2, flow.with({"ttl=20ms", "wait=10s"}));
            REQUIRE(claim_and_crash(bench, "a", step));
            check_sells_the_rest(bench, bench.context);
        }
    }
}

TEST_CASE("sound locks: what a crash behind the last COMMIT leaves behind, reconcile mends") {
    for (const SoundFlow& flow : sound_flows()) {
        INFO(flow.title());
        Bench bench(flow.name, 1, flow.options);
        REQUIRE(claim_and_crash(bench, "a", "after_commit"));
        CHECK(bench.state().remaining == 0);
        CHECK(bench.state().cache_remaining == 1);
        const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
        REQUIRE(mended);
        CHECK(mended->at("remaining") == 0);
        CHECK(mended->at("cache_mended") == true);
        const bool mark_was_missing = !flow.options.empty();  // segments mark behind the COMMIT
        CHECK(mended->at("sold_out_mended") == mark_was_missing);
        CHECK(bench.state().cache_remaining == 0);
        CHECK(bench.state().sold_out);
        const auto again = bench.flow->reconcile(bench.context, bench.campaign);
        CHECK(again->at("cache_mended") == false);
        CHECK(again->at("sold_out_mended") == false);
    }
}

TEST_CASE("sound locks: reconcile takes back a mark and a counter that claim too little") {
    for (const SoundFlow& flow : sound_flows()) {
        INFO(flow.title());
        Bench bench(flow.name, 3, flow.options);
        CHECK(bench.claim("a") == Outcome::granted);
        bench.context.mysql().execute("UPDATE campaigns SET sold_out = 1 WHERE id = 'bench'");
        for (const Reply& key :
             bench.context.redis().command({"KEYS", "cs:bench:remaining*"}).elements()) {
            bench.context.redis().command({"SET", key.text(), "0"});
        }
        const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
        CHECK(mended->at("cache_mended") == true);
        CHECK(mended->at("sold_out_mended") == true);
        CHECK(bench.state().cache_remaining == 2);
        CHECK_FALSE(bench.state().sold_out);
        CHECK(bench.claim("b") == Outcome::granted);
    }
}

TEST_CASE("sound locks: Redis without its data proves nothing, and comes back with the claims") {
    for (const SoundFlow& flow : sound_flows()) {
        for (const std::string& step : find_flow(flow.name).steps) {
            INFO(flow.title() << " loses the cache at " << step);
            Bench bench(flow.name, 3, flow.options);
            CHECK(bench.claim("first") == Outcome::granted);
            bool has_lost = false;
            const StepHook hook = [&](Context& with, std::string_view at) {
                if (at != step || std::exchange(has_lost, true)) return;
                for (const Reply& key : with.redis().command({"KEYS", "cs:*"}).elements()) {
                    with.redis().command({"DEL", key.text()});
                }
            };
            Context context(lab_stores(), &hook);
            CHECK(bench.claim(context, "a") == Outcome::granted);
            CHECK(bench.claim("a") == Outcome::already_claimed);
            CHECK(bench.claim("b") == Outcome::granted);
            CHECK(bench.claim("c") == Outcome::sold_out);
            CHECK(bench.state().claims == 3);
            CHECK(bench.state().remaining == 0);
        }
    }
}

TEST_CASE("sound locks hold when a store's connection breaks at any of their commands") {
    const std::vector<std::string> release = {"\r\n1\r\n$13\r\ncs:bench:lock",
                                              "\r\n1\r\n$15\r\ncs:bench:lock:"};
    struct Breaks {
        SoundFlow flow;
        std::vector<std::string> mysql;
        std::vector<std::string> redis;
    };
    const std::vector<Breaks> table = {
        {{"coupon/global-lock/recheck", segments_of_two()},
         {"SELECT COUNT", "START TRANSACTION", "INSERT INTO stock_segment_users", "FOR UPDATE",
          "UPDATE stock_segments", "INSERT INTO claims", "COMMIT", "UPDATE campaigns"},
         {"MGET", "NX", "EVAL", release[1]}},
        {{"coupon/global-lock/fencing", {}},
         {"SELECT COUNT", "SET fence", "SELECT remaining", "START TRANSACTION", "SET used",
          "UPDATE campaigns", "INSERT INTO claims", "COMMIT"},
         {"GET", "NX", "INCR", "EVAL", release[0]}}};
    for (const Breaks& row : table) {
        for (const auto when :
             {DroppingProxy::When::before_effect, DroppingProxy::When::after_effect}) {
            for (const auto& text : row.mysql) {
                check_survives_break(row.flow.name, row.flow.options, true, text, when);
            }
            for (const auto& text : row.redis) {
                check_survives_break(row.flow.name, row.flow.options, false, text, when);
            }
        }
    }
}

TEST_CASE("fencing: the overtaken holder is refused where it writes, and begins again") {
    Bench bench("coupon/global-lock/fencing", 2, {"ttl=1ms", "wait=20s"});
    int tries = 0;
    std::optional<Outcome> meanwhile;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "in_lock") ++tries;
        if (step == "after_recheck" && !meanwhile) meanwhile = bench.claim("b");
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::granted);
    CHECK(meanwhile == Outcome::granted);
    CHECK(tries == 2);
    CHECK(bench.state().remaining == 0);
}

TEST_CASE("fencing: with lock_wait=none the overtaken holder is told to come again") {
    Bench bench("coupon/global-lock/fencing", 2, {"lock_wait=none"});
    const StepHook hook = [&](Context& with, std::string_view step) {
        if (step != "after_recheck") return;
        with.redis().command({"DEL", key_of("bench", "lock")});  // expired
        CHECK(bench.claim("b") == Outcome::granted);
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::throttled);
    check_one_unit_sold(bench, 1);
}

TEST_CASE("fencing: a token that was announced before is nobody else's") {
    Bench bench("coupon/global-lock/fencing", 3);
    CHECK(bench.claim("a") == Outcome::granted);
    bench.context.redis().command({"SET", key_of("bench", "fence"), "0"});  // an older counter
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.context.redis().command({"GET", key_of("bench", "fence")}).integer() == 2);
}

TEST_CASE("fencing: a counter behind the announced fence is raised to it") {
    Bench bench("coupon/global-lock/fencing", 3);
    CHECK(bench.claim("a") == Outcome::granted);
    bench.context.mysql().execute(
        "UPDATE coupon_fences SET fence = 1000 WHERE campaign_id = 'bench'");
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.context.redis().command({"GET", key_of("bench", "fence")}).integer() == 1001);
}

TEST_CASE("segments: the stock is split over them, and no leftovers stay unsold") {
    Bench bench("coupon/global-lock/recheck", 7, {"granularity=segments", "segments=3"});
    const auto rows = bench.context.mysql().query(
        "SELECT remaining FROM stock_segments WHERE campaign_id = 'bench' ORDER BY segment");
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].int64(0) == 3);
    CHECK(rows[1].int64(0) == 2);
    CHECK(rows[2].int64(0) == 2);
    CHECK(bench.state().cache_remaining == 7);
    // Each user alone is sent to one segment; seven of any kind get what all three hold.
    std::int64_t left = 7;
    for (const char* user : {"a", "b", "c", "d", "e", "f", "g"}) {
        CHECK_FALSE(bench.state().sold_out);
        CHECK(bench.claim(user) == Outcome::granted);
        CHECK(bench.state().remaining == --left);
        CHECK(bench.state().cache_remaining == left);
    }
    CHECK(bench.state().sold_out);
    CHECK(bench.claim("h") == Outcome::sold_out);
}

TEST_CASE("segments: two claims that empty the last two side by side still mark it sold out") {
    for (const char* step : {"after_commit", "before_commit"}) {
        INFO(step);
        Bench bench("coupon/global-lock/recheck", 2, segments_of_two());
        // Two users of different segments: neither waits for the other's row.
        const auto stock = make_segmented_stock(2);
        const auto home = [&](const std::string& user) {
            return stock->counters(bench.campaign, user).front().number;
        };
        std::string other = "b";
        while (home(other) == home("a")) other += "b";
        Meeting(step).run(bench, "a", other);
        CHECK(bench.state().claims == 2);
        CHECK(bench.state().remaining == 0);
        CHECK(bench.state().sold_out);
    }
}

TEST_CASE("segments: two claims of one user exclude each other even in different segments") {
    Bench bench("coupon/global-lock/recheck", 4, segments_of_two());
    const auto stock = make_segmented_stock(2);
    const auto counters = stock->counters(bench.campaign, "a");
    StoreAddresses impatient = lab_stores();
    impatient.lock_wait_timeout = std::chrono::seconds(1);
    Context other(impatient, nullptr);
    Transaction one_claim(bench.context.mysql());
    CHECK(stock->lock_row(bench.context.mysql(), bench.campaign, "a", counters[0]) == 2);
    Transaction other_claim(other.mysql());
    CHECK(stock->lock_row(other.mysql(), bench.campaign, "b", counters[1]) == 2);
    other_claim.rollback();
    Transaction same_user(other.mysql());
    try {
        stock->lock_row(other.mysql(), bench.campaign, "a", counters[1]);
        FAIL("both claims of one user went on");
    } catch (const MysqlError& error) {
        CHECK(is_lock_wait_timeout(error));
    }
}

TEST_CASE("segments: per_user is kept to across them") {
    Bench bench("coupon/global-lock/recheck", 4, {"granularity=segments", "segments=4"});
    bench.campaign.per_user = 3;
    for (int i = 0; i < 3; ++i) CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.state().remaining == 1);
}

TEST_CASE("segments: each has a lock of its own, and evidence sums their counters") {
    Bench bench("coupon/global-lock/recheck", 4,
                {"granularity=segments", "segments=2", "lock_wait=none"});
    const auto stock = make_segmented_stock(2);
    const auto counters = stock->counters(bench.campaign, "a");
    bench.context.redis().command({"SET", counters[1].lock_key, "somebody"});
    CHECK(bench.claim("a") == Outcome::granted);  // in the other one
    bench.context.redis().command({"SET", counters[0].lock_key, "somebody"});
    const auto same_home = [&](const std::string& user) {
        return stock->counters(bench.campaign, user).front().number == counters[0].number;
    };
    std::string second = "b";
    while (!same_home(second)) second += "b";
    CHECK(bench.claim(second) == Outcome::throttled);
    const auto evidence = bench.flow->evidence();
    CHECK(evidence["redis"]["remaining"] ==
          nlohmann::ordered_json::parse(R"([["GET", "cs:{campaign}:remaining:0"],
                                            ["GET", "cs:{campaign}:remaining:1"]])"));
    CHECK(evidence["redis"]["locks"] ==
          nlohmann::ordered_json::parse(R"(["cs:{campaign}:lock:0", "cs:{campaign}:lock:1"])"));
    std::string stock_query = evidence["mysql"]["stock"];
    stock_query.replace(stock_query.find("{campaign}"), 10, "'bench'");
    const auto row = bench.context.mysql().query_one(stock_query);
    CHECK(row->int64("stock") == 4);
    CHECK(row->int64("remaining") == 3);
    CHECK(row->int64("sold_out") == 0);
}

TEST_CASE("sound locks hold under a hammer: stock sold exactly, nobody twice, counters agree") {
    for (const SoundFlow& flow : sound_flows()) {
        INFO(flow.title());
        RunningServer server(RunningServer::options(flow.name, flow.options));
        server.create("hammered", 50);
        const auto told = hammer(server.port(), "hammered", 400, 32);
        CHECK(told.count("granted") == 50);
        CHECK(told.count("granted") + told.count("sold_out") + told.count("already_claimed") ==
              480);
        CHECK(rows_of("hammered").claims == 50);
        CHECK(rows_of("hammered").users == 50);
        const auto state = server.state("hammered");
        CHECK(state["remaining"] == 0);
        CHECK(state["cache_remaining"] == 0);
        CHECK(state["sold_out"] == true);
        CHECK(state["claims"] == 50);
    }
}
