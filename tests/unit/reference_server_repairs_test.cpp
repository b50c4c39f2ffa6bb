#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/claim_transaction.h"
#include "reference_server/flows/coupon_flow.h"
#include "tests/support/flow_bench.h"
#include "tests/support/rival.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

/// While it lives, whoever reads the table's users gets an error at the row of "z", behind the rows
/// that come before.
class BreaksWhileRead {
  public:
    explicit BreaksWhileRead(std::string table)
        : mysql_(lab_stores().mysql), table_(std::move(table)) {
        mysql_.execute_text(fmt::format("RENAME TABLE {0} TO {0}_kept", table_));
        // For "z" the subquery has more than one row.
        mysql_.execute_text(fmt::format(
            "CREATE VIEW {0} AS SELECT id, campaign_id, IF((SELECT other.id FROM {0}_kept AS other"
            " WHERE other.campaign_id = row.campaign_id"
            " AND (row.user_id = 'z' OR other.id = row.id)) > 0, user_id, '') AS user_id"
            " FROM {0}_kept AS row",
            table_));
    }
    ~BreaksWhileRead() {
        mysql_.execute_text(fmt::format("DROP VIEW {}", table_));
        mysql_.execute_text(fmt::format("RENAME TABLE {0}_kept TO {0}", table_));
    }
    BreaksWhileRead(const BreaksWhileRead&) = delete;
    BreaksWhileRead& operator=(const BreaksWhileRead&) = delete;

  private:
    MysqlConnection mysql_;
    std::string table_;
};

/// Every wait for a row ends at once, with 1205.
StoreAddresses impatient() {
    StoreAddresses stores = lab_stores();
    stores.lock_wait_timeout = std::chrono::seconds(0);
    return stores;
}

}  // namespace

TEST_CASE("lua-gate: a reconcile that fails while it reads leaves the worker able to serve") {
    FreshBench bench("coupon/lua-gate", 4);
    for (const char* user : {"a", "z"}) CHECK(bench.claim(user) == Outcome::granted);
    {
        const BreaksWhileRead broken("unique_claims");
        CHECK_THROWS_AS(bench.flow->reconcile(bench.context, bench.campaign), MysqlError);
    }
    CHECK(bench.claim("z") == Outcome::already_claimed);
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.state().cache_remaining == 1);
    const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK((*mended)["cache_remaining"] == 1);
    CHECK((*mended)["users_released"] == 0);
    CHECK((*mended)["users_added"] == 0);
}

TEST_CASE("lua-gate: a user whom the gate has forgotten, with the unit, is refused by the table") {
    FreshBench bench("coupon/lua-gate", 3);
    CHECK(bench.claim("a") == Outcome::granted);
    // What a replica had that took over before a's admission reached it.
    RedisConnection& redis = bench.context.redis();
    redis.command({"SET", remaining_key(bench.campaign.id), "3"});
    redis.command(
        {"DEL", key_of(bench.campaign.id, "users"), key_of(bench.campaign.id, "holders")});

    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().remaining == 2);
    CHECK(bench.state().cache_remaining == 2);
    CHECK(bench.cached_users() == std::set<std::string>{"a"});
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.state().cache_remaining == 2);
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.claim("c") == Outcome::granted);
    CHECK(bench.claim("d") == Outcome::sold_out);
    CHECK(bench.state().claims == 3);
}

TEST_CASE("reading back a claim takes nobody else's row of that id for it") {
    struct Table {
        std::string flow;
        std::string name;
        ReadBack (*is_in)(const Campaign&, std::string_view);
    };
    const std::vector<Table> tables = {
        {"coupon/row-lock", "claims", is_in_claims},
        {"coupon/guarded-update", "unique_claims", is_in_unique_claims}};
    for (const Table& table : tables) {
        INFO(table.name);
        FreshBench bench(table.flow, 3);
        MysqlConnection& mysql = bench.context.mysql();
        const std::uint64_t id =
            mysql
                .execute("INSERT INTO " + table.name + " (campaign_id, user_id) VALUES (?, 'a')",
                         {bench.campaign.id})
                .insert_id;
        CHECK(table.is_in(bench.campaign, "a")(mysql, id));
        CHECK_FALSE(table.is_in(bench.campaign, "a")(mysql, id + 1));
        CHECK_FALSE(table.is_in(bench.campaign, "b")(mysql, id));
        Campaign other = bench.campaign;
        other.id += "-other";
        CHECK_FALSE(table.is_in(other, "a")(mysql, id));
    }
}

TEST_CASE("fencing: who waits in vain to announce himself comes back later") {
    FreshBench bench("coupon/global-lock/fencing", 2, {"wait=20ms"});
    {
        const Rival rival(
            fmt::format("SELECT fence FROM coupon_fences WHERE campaign_id = '{}' FOR UPDATE",
                        bench.campaign.id));
        Context context(impatient(), nullptr);
        CHECK(bench.claim(context, "a") == Outcome::throttled);
    }
    CHECK(bench.state().claims == 0);
    CHECK(bench.claim("a") == Outcome::granted);
}

TEST_CASE("a claim in a lock that never gets the row is told to come back, nothing is stored") {
    for (const char* name : {"coupon/global-lock/recheck", "coupon/global-lock/fencing"}) {
        INFO(name);
        FreshBench bench(name, 2);
        {
            const Rival rival(fmt::format("SELECT id FROM campaigns WHERE id = '{}' FOR UPDATE",
                                          bench.campaign.id));
            Context context(impatient(), nullptr);
            CHECK(bench.claim(context, "a") == Outcome::throttled);
        }
        CHECK(bench.state().claims == 0);
        CHECK(bench.state().cache_remaining == 2);
        CHECK(bench.claim("a") == Outcome::granted);
    }
}

TEST_CASE("a campaign that begins leaves alone the lock it shares with others") {
    FreshBench bench("coupon/global-lock/recheck", 2, {"granularity=system"});
    RedisConnection& redis = bench.context.redis();
    redis.command({"SET", "cs:lock", "a claim of another campaign"});
    bench.flow->prepare(bench.context, bench.campaign);
    CHECK(redis.command({"DEL", "cs:lock"}).integer() == 1);

    FreshBench own("coupon/global-lock/recheck", 2);
    const std::string lock = key_of(own.campaign.id, "lock");
    redis.command({"SET", lock, "left by the campaign's last life"});
    own.flow->prepare(own.context, own.campaign);
    CHECK(redis.command({"DEL", lock}).integer() == 0);
}

TEST_CASE("a result that breaks off behind its first row is an error, not that row") {
    MysqlConnection mysql(lab_stores().mysql);
    // At 900 the subquery has a second row; what comes before is on its way by then.
    CHECK_THROWS_AS(mysql.query_one("SELECT seq, (SELECT few.seq FROM seq_1_to_2 AS few"
                                    " WHERE few.seq = 1 OR many.seq = 900)"
                                    " FROM seq_1_to_1000 AS many"),
                    MysqlError);
    CHECK(mysql.is_usable());
    CHECK(mysql.query_one("SELECT seq FROM seq_1_to_1000 ORDER BY seq")->int64(0) == 1);
}

TEST_CASE("async-stream: reconcile brings back to the consumers a stream they had forgotten") {
    FreshBench bench("coupon/async-stream", 2);
    CHECK(bench.claim("a") == Outcome::pending);
    RedisConnection& redis = bench.context.redis();
    CHECK(redis.command({"SREM", "cs:streams", bench.campaign.id}).integer() == 1);
    REQUIRE(bench.flow->reconcile(bench.context, bench.campaign));
    CHECK(redis.command({"SREM", "cs:streams", bench.campaign.id}).integer() == 1);

    FreshBench empty("coupon/async-stream", 2);
    REQUIRE(empty.flow->reconcile(empty.context, empty.campaign));
    CHECK(redis.command({"SREM", "cs:streams", empty.campaign.id}).integer() == 0);
}
