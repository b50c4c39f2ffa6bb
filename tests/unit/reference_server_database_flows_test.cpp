#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "model/error.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/flow_bench.h"
#include "tests/support/hammer.h"
#include "tests/support/rival.h"
#include "tests/support/running_server.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

constexpr std::array kSound = {"coupon/row-lock", "coupon/guarded-update", "coupon/optimistic"};

/// How many of the two were told so.
int told(const std::pair<Outcome, Outcome>& both, Outcome outcome) {
    return (both.first == outcome ? 1 : 0) + (both.second == outcome ? 1 : 0);
}

/// The row and the claims say the same, at rest and in every flow that is sound.
void check_agrees(Bench& bench, std::int64_t claims) {
    const auto state = bench.state();
    CHECK(state.claims == claims);
    CHECK(state.remaining == bench.campaign.stock - claims);
    CHECK(state.sold_out == (state.remaining == 0));
    CHECK_FALSE(state.cache_remaining);
}

StoreAddresses impatient(int lock_wait_seconds) {
    StoreAddresses stores = lab_stores();
    stores.lock_wait_timeout = std::chrono::seconds(lock_wait_seconds);
    return stores;
}

}  // namespace

TEST_CASE("row-lock: whoever waits for the row reads what the one before has stored") {
    for (const std::string second : {"b", "a"}) {
        INFO(second);
        FreshBench bench("coupon/row-lock", 1);
        MysqlConnection watch(lab_stores().mysql);
        std::optional<ClaimInBackground> behind;
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step != "in_lock") return;
            behind.emplace(bench, second);
            wait_for_lock_waits(watch, 1);
        };
        Context context(lab_stores(), &hook);
        CHECK(bench.claim(context, "a") == Outcome::granted);
        CHECK(behind->outcome() == (second == "a" ? Outcome::already_claimed : Outcome::sold_out));
        check_agrees(bench, 1);
    }
}

TEST_CASE("row-lock/autocommit: the lock is gone with its statement, so the last unit goes twice") {
    FreshBench last("coupon/row-lock/autocommit", 1);
    CHECK(told(Meeting("in_lock").run(last, "a", "b"), Outcome::granted) == 2);
    CHECK(last.state().claims == 2);
    CHECK(last.state().remaining == -1);
    CHECK(last.state().sold_out);
    FreshBench clicks("coupon/row-lock/autocommit", 5);
    CHECK(told(Meeting("in_lock").run(clicks, "a", "a"), Outcome::granted) == 2);
    CHECK(clicks.state().claims == 2);
}

TEST_CASE("row-lock/deadlock-ignored: the victim is told granted, takes a unit and has no row") {
    FreshBench bench("coupon/row-lock/deadlock-ignored", 5);
    MysqlConnection watch(lab_stores().mysql);
    const std::int64_t deadlocks = server_status(watch, "INNODB_DEADLOCKS");
    CHECK(told(Meeting("in_lock").run(bench, "a", "b"), Outcome::granted) == 2);
    CHECK(server_status(watch, "INNODB_DEADLOCKS") == deadlocks + 1);
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().remaining == 3);
}

TEST_CASE("row-lock/deadlock-ignored is right as long as nobody meets") {
    FreshBench bench("coupon/row-lock/deadlock-ignored", 1);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("b") == Outcome::sold_out);
    check_agrees(bench, 1);
}

TEST_CASE("guarded-update: of two that read the last unit one gets it, the other nothing") {
    for (const char* step : {"after_read", "after_insert"}) {
        INFO(step);
        FreshBench bench("coupon/guarded-update", 1);
        const auto both = Meeting(step).run(bench, "a", "b");
        CHECK(told(both, Outcome::granted) == 1);
        CHECK(told(both, Outcome::sold_out) == 1);
        check_agrees(bench, 1);
    }
}

TEST_CASE("guarded-update: of two clicks of one user that both found no claim one is stored") {
    FreshBench bench("coupon/guarded-update", 5);
    const auto both = Meeting("after_read").run(bench, "a", "a");
    CHECK(told(both, Outcome::granted) == 1);
    CHECK(told(both, Outcome::already_claimed) == 1);
    check_agrees(bench, 1);
}

TEST_CASE("guarded-update/unchecked oversells, and remaining stays at zero") {
    FreshBench bench("coupon/guarded-update/unchecked", 1);
    CHECK(told(Meeting("after_read").run(bench, "a", "b"), Outcome::granted) == 2);
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().remaining == 0);
    CHECK(bench.state().sold_out);
}

TEST_CASE("guarded-update/half-claim: who waits too long for the row is stored without a unit") {
    FreshBench bench("coupon/guarded-update/half-claim", 1, {"lock_wait=1s"});
    Outcome behind = Outcome::unknown;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "before_commit") behind = ClaimInBackground(bench, "b").outcome();
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::granted);
    CHECK(behind == Outcome::granted);
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().remaining == 0);
    CHECK(bench.claim("c") == Outcome::sold_out);
}

TEST_CASE("optimistic: of two that read the same version one comes too late and reads again") {
    FreshBench last("coupon/optimistic", 1);
    const auto both = Meeting("after_read").run(last, "a", "b");
    CHECK(told(both, Outcome::granted) == 1);
    CHECK(told(both, Outcome::sold_out) == 1);
    check_agrees(last, 1);
    FreshBench plenty("coupon/optimistic", 5);
    CHECK(told(Meeting("after_read").run(plenty, "a", "b"), Outcome::granted) == 2);
    check_agrees(plenty, 2);
    FreshBench clicks("coupon/optimistic", 5);
    const auto same = Meeting("after_read").run(clicks, "a", "a");
    CHECK(told(same, Outcome::granted) == 1);
    CHECK(told(same, Outcome::already_claimed) == 1);
    check_agrees(clicks, 1);
}

TEST_CASE("optimistic: out of retries a claim is told to come back, though units are left") {
    FreshBench bench("coupon/optimistic", 5, {"retries=0"});
    const auto both = Meeting("after_read").run(bench, "a", "b");
    CHECK(told(both, Outcome::granted) == 1);
    CHECK(told(both, Outcome::throttled) == 1);
    check_agrees(bench, 1);
}

TEST_CASE("optimistic: the version column is added to a table that lacks it, and once") {
    FreshBench bench("coupon/optimistic", 1);
    bench.context.mysql().execute_text("ALTER TABLE campaigns DROP COLUMN version");
    bench.flow->create_schema(bench.context);
    bench.flow->create_schema(bench.context);
    CHECK(bench.claim("a") == Outcome::granted);
}

TEST_CASE("insert-ignore: each further click of a user burns a unit") {
    FreshBench bench("coupon/insert-ignore", 3);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("b") == Outcome::sold_out);
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().remaining == 0);
    CHECK(bench.state().sold_out);
}

TEST_CASE("a unique key over the user serves per_user 1 alone; a count serves more") {
    for (const char* name : {"coupon/guarded-update", "coupon/insert-ignore"}) {
        INFO(name);
        FreshBench bench(name, 5);
        CHECK_NOTHROW(bench.flow->check(bench.campaign));
        bench.campaign.per_user = 2;
        CHECK_THROWS_AS(bench.flow->check(bench.campaign), BadRequest);
    }
    for (const char* name : {"coupon/row-lock", "coupon/optimistic"}) {
        INFO(name);
        FreshBench bench(name, 5);
        bench.campaign.per_user = 2;
        CHECK_NOTHROW(bench.flow->check(bench.campaign));
        CHECK(bench.claim("a") == Outcome::granted);
        CHECK(bench.claim("a") == Outcome::granted);
        CHECK(bench.claim("a") == Outcome::already_claimed);
        check_agrees(bench, 2);
    }
}

TEST_CASE("the database's flows name no counter in the cache and keep none") {
    for (const char* name : kSound) {
        INFO(name);
        FreshBench bench(name, 5);
        bench.context.redis().command({"SET", remaining_key(bench.campaign.id), "5"});
        bench.flow->prepare(bench.context, bench.campaign);
        CHECK_FALSE(bench.state().cache_remaining);
        CHECK(bench.flow->evidence().at("redis").empty());
    }
}

TEST_CASE("a sound database flow that fails at a step loses nothing and keeps no lock") {
    for (const char* name : kSound) {
        for (const std::string& failing : find_flow(name).steps) {
            INFO(name << " at " << failing);
            FreshBench bench(name, 2);
            const StepHook fail = [&](Context&, std::string_view step) {
                if (step == failing) throw InjectedError("injected");
            };
            Context context(impatient(1), &fail);
            CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
            const bool is_stored = failing == "after_commit";
            check_agrees(bench, is_stored ? 1 : 0);
            Context again(impatient(1), nullptr);
            CHECK(bench.claim(again, "a") ==
                  (is_stored ? Outcome::already_claimed : Outcome::granted));
            CHECK(bench.claim(again, "b") == Outcome::granted);
            CHECK(bench.claim(again, "c") == Outcome::sold_out);
            check_agrees(bench, 2);
        }
    }
}

namespace {

std::string coupon_row(const Bench& bench) {
    return fmt::format("SELECT id FROM campaigns WHERE id = '{}' FOR UPDATE", bench.campaign.id);
}

/// The claims in `table`, and where they are missing the gap: then only inserts wait for it.
std::string claims_in(const std::string& table, const Bench& bench) {
    return fmt::format("SELECT id FROM {} WHERE campaign_id = '{}' FOR UPDATE", table,
                       bench.campaign.id);
}

}  // namespace

TEST_CASE("a sound flow that is a deadlock's victim (1213) runs its whole transaction again") {
    struct Order {
        std::string flow;
        bool row_first;  ///< the claim locks the coupon's row before it inserts its own
        std::string table;
    };
    const std::vector<Order> table = {{"coupon/row-lock", true, "claims"},
                                      {"coupon/optimistic", true, "claims"},
                                      {"coupon/guarded-update", false, "unique_claims"},
                                      {"coupon/lua-gate", false, "unique_claims"}};
    for (const Order& order : table) {
        INFO(order.flow);
        FreshBench bench(order.flow, 3);
        const std::string row = coupon_row(bench);
        const std::string claims = claims_in(order.table, bench);
        Rival rival(order.row_first ? claims : row);
        const std::int64_t deadlocks = rival.deadlocks();
        ClaimInBackground claim(bench, "a");
        rival.cross(order.row_first ? row : claims);
        CHECK(claim.outcome() == Outcome::granted);
        CHECK(rival.deadlocks() == deadlocks + 1);
        CHECK(bench.state().claims == 1);
        CHECK(bench.state().remaining == 2);
        CHECK(bench.state().cache_remaining.value_or(2) == 2);
    }
}

TEST_CASE("a sound flow whose lock wait times out (1205) runs its whole transaction again") {
    for (const char* name :
         {"coupon/row-lock", "coupon/optimistic", "coupon/guarded-update", "coupon/lua-gate"}) {
        INFO(name);
        FreshBench bench(name, 3);
        Rival rival(coupon_row(bench));
        const std::int64_t waits = rival.waits();
        ClaimInBackground claim(bench, "a", impatient(1));
        rival.hold_until_waits(waits, 2);  // the second wait begins when the first has timed out
        CHECK(claim.outcome() == Outcome::granted);
        CHECK(bench.state().claims == 1);
        CHECK(bench.state().remaining == 2);
        CHECK(bench.state().cache_remaining.value_or(2) == 2);
    }
}

TEST_CASE("a sound flow that never gets the row is told to come back, and has stored nothing") {
    for (const char* name :
         {"coupon/row-lock", "coupon/optimistic", "coupon/guarded-update", "coupon/lua-gate"}) {
        INFO(name);
        FreshBench bench(name, 3);
        {
            const Rival rival(coupon_row(bench));
            Context context(impatient(0), nullptr);  // 1205 at once
            CHECK(bench.claim(context, "a") == Outcome::throttled);
        }
        CHECK(bench.state().claims == 0);
        CHECK(bench.state().remaining == 3);
        CHECK(bench.state().cache_remaining.value_or(3) == 3);
        CHECK(bench.claim("a") == Outcome::granted);
    }
}

TEST_CASE("guarded-update: three clicks of one user, the first rolled back, deadlock; one wins") {
    FreshBench bench("coupon/guarded-update", 3);
    MysqlConnection watch(lab_stores().mysql);
    const std::int64_t deadlocks = server_status(watch, "INNODB_DEADLOCKS");
    std::optional<ClaimInBackground> second;
    std::optional<ClaimInBackground> third;
    const StepHook fail = [&](Context&, std::string_view step) {
        if (step != "after_insert") return;
        second.emplace(bench, "a");
        third.emplace(bench, "a");
        wait_for_lock_waits(watch, 2);
        throw InjectedError("injected");
    };
    Context context(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    const std::pair both(second->outcome(), third->outcome());
    CHECK(told(both, Outcome::granted) == 1);
    CHECK(told(both, Outcome::already_claimed) == 1);
    CHECK(server_status(watch, "INNODB_DEADLOCKS") == deadlocks + 1);
    check_agrees(bench, 1);
}

namespace {

/// One claim whose connection breaks at `text`, then others that sell the rest.
void check_survives_break(const std::string& flow, const std::string& text,
                          DroppingProxy::When when) {
    INFO(flow << ": " << text
              << (when == DroppingProxy::When::before_effect ? " unheard" : " unanswered"));
    DroppingProxy proxy(lab_stores().mysql.port);
    StoreAddresses through = lab_stores();
    through.mysql.port = proxy.port();
    FreshBench bench(flow, 2);
    Context context(through, nullptr);
    proxy.arm(text, when);
    Outcome outcome = Outcome::unknown;
    try {
        outcome = bench.claim(context, "a");
    } catch (const EnvironmentError&) {  // the client is told 500
    }
    REQUIRE(proxy.has_dropped());
    if (outcome == Outcome::granted) CHECK(bench.state().claims == 1);
    bench.claim(context, "a");
    CHECK(bench.claim(context, "b") == Outcome::granted);
    CHECK(bench.claim(context, "c") == Outcome::sold_out);
    check_agrees(bench, 2);
}

}  // namespace

TEST_CASE("sound database flows hold when the connection breaks at any of their statements") {
    const std::map<std::string, std::vector<std::string>> statements = {
        {"coupon/row-lock",
         {"START TRANSACTION", "FOR UPDATE", "SELECT COUNT", "UPDATE campaigns",
          "INSERT INTO claims", "COMMIT"}},
        {"coupon/guarded-update",
         {"SELECT remaining", "START TRANSACTION", "INSERT INTO unique_claims", "UPDATE campaigns",
          "COMMIT"}},
        {"coupon/optimistic",
         {"SELECT remaining", "START TRANSACTION", "UPDATE campaigns", "INSERT INTO claims",
          "COMMIT"}}};
    for (const char* flow : kSound) {
        for (const std::string& text : statements.at(flow)) {
            check_survives_break(flow, text, DroppingProxy::When::before_effect);
            check_survives_break(flow, text, DroppingProxy::When::after_effect);
        }
    }
}

TEST_CASE("a lost answer to COMMIT is read back from the table that holds the flow's claims") {
    for (const char* flow : kSound) {
        INFO(flow);
        DroppingProxy proxy(lab_stores().mysql.port);
        StoreAddresses through = lab_stores();
        through.mysql.port = proxy.port();
        FreshBench bench(flow, 2);
        Context context(through, nullptr);
        proxy.arm("COMMIT", DroppingProxy::When::after_effect);
        CHECK(bench.claim(context, "a") == Outcome::granted);
        CHECK(proxy.has_dropped());
        check_agrees(bench, 1);
    }
}

TEST_CASE("a sound database flow holds under a hammer: stock sold exactly, nobody twice") {
    for (const char* flow : kSound) {
        INFO(flow);
        RunningServer server(RunningServer::options(flow));
        server.create("hammered", 100);
        const auto told = hammer(server.port(), "hammered", 1000, 32);
        CHECK(told.count("granted") == 100);
        CHECK(std::set<std::string>(told.granted_users.begin(), told.granted_users.end()).size() ==
              100);
        CHECK(told.count("unknown") == 0);
        const auto state = server.state("hammered");
        CHECK(state["claims"] == 100);
        CHECK(state["remaining"] == 0);
        CHECK(state["sold_out"] == true);
    }
}

TEST_CASE("wrong database flows break under the same hammer") {
    // A race is a matter of luck: on a busy machine a hammer or two may miss it.
    constexpr int kHammersMax = 10;
    int campaigns = 0;
    for (const char* flow : {"coupon/row-lock/autocommit", "coupon/row-lock/deadlock-ignored",
                             "coupon/guarded-update/unchecked", "coupon/insert-ignore"}) {
        INFO(flow);
        RunningServer server(RunningServer::options(flow));
        bool has_broken = false;
        for (int i = 0; i < kHammersMax && !has_broken; ++i) {
            const std::string campaign = fmt::format("wrong{}", ++campaigns);
            server.create(campaign, 100);
            const auto told = hammer(server.port(), campaign, 1000, 32);
            has_broken = server.state(campaign)["claims"] != 100 || told.count("granted") != 100;
        }
        CHECK(has_broken);
    }
}
