#include <catch2/catch.hpp>

#include "stores/evidence_reader.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;

namespace {

/// A table of payouts of its own in the lab's database.
struct PayoutTable {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    PayoutTable() {
        mysql.execute_text("DROP TABLE IF EXISTS paying");
        mysql.execute_text(
            "CREATE TABLE paying (id INT AUTO_INCREMENT PRIMARY KEY, campaign VARCHAR(20),"
            " claim INT, cents BIGINT, uid VARCHAR(20))");
    }
    ~PayoutTable() { mysql.execute_text("DROP TABLE paying"); }
    void add(const std::string& values) {
        mysql.execute_text("INSERT INTO paying (campaign, claim, cents, uid) VALUES " + values);
    }
};

EvidenceSpec payouts_by(const std::string& query) {
    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{parse_mysql_url(shared_lab().mysql_url())};
    if (!query.empty()) spec.mysql->payouts = {{query}};
    return spec;
}

Campaign campaign() {
    Campaign campaign;
    campaign.id = "c1";
    return campaign;
}

struct Taken {
    Names users;
    TextPool texts;
    Snapshot snapshot;
};

Taken take(const EvidenceSpec& spec) {
    Taken taken;
    EvidenceReader reader(spec, campaign());
    taken.snapshot = reader.take(taken.users, taken.texts);
    return taken;
}

/// Redis with a few keys of its own.
struct Keys {
    RedisConnection redis{parse_redis_url(shared_lab().redis_url())};
    Keys() { clear(); }
    ~Keys() { clear(); }
    void clear() { redis.command({"DEL", "sum:a", "sum:b", "sum:c1"}); }
};

EvidenceSpec summed(const std::vector<RedisCommand>& commands) {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{parse_redis_url(shared_lab().redis_url())};
    for (const RedisCommand& command : commands) spec.redis->remaining.push_back({command});
    spec.redis->backlog = spec.redis->remaining;
    return spec;
}

}  // namespace

TEST_CASE("payouts are read with the claim they pay, the money and who got it") {
    PayoutTable table;
    table.add("('c1', 7, 120, 'u1'), ('c1', NULL, -5, NULL), ('other', 8, 1, 'u2')");
    const Taken taken =
        take(payouts_by("SELECT claim AS claim_id, cents AS amount_cents, uid AS user FROM paying "
                        "WHERE campaign = {campaign} ORDER BY id"));
    REQUIRE(taken.snapshot.payouts.is_read());
    const auto& rows = taken.snapshot.payouts->rows;
    REQUIRE(rows.size() == 2);
    CHECK(taken.texts.view(rows[0].claim_id) == "7");
    CHECK(rows[0].amount_cents == 120);
    CHECK(taken.users.name(rows[0].user) == "u1");
    CHECK(rows[1].claim_id == kNoText);
    CHECK(rows[1].amount_cents == -5);
    CHECK(rows[1].user == kNoUser);
}

TEST_CASE("payouts need no user, but a claim and an amount") {
    PayoutTable table;
    table.add("('c1', 7, 120, 'u1')");
    const Taken plain =
        take(payouts_by("SELECT claim AS claim_id, cents AS amount_cents FROM "
                        "paying"));
    REQUIRE(plain.snapshot.payouts.is_read());
    CHECK(plain.snapshot.payouts->rows.front().user == kNoUser);
    const Taken lacking = take(payouts_by("SELECT claim AS claim_id FROM paying"));
    REQUIRE_FALSE(lacking.snapshot.payouts.is_read());
    CHECK(lacking.snapshot.payouts.why().find("mysql.payouts: ") == 0);
    CHECK(lacking.snapshot.payouts.why().find("amount_cents") != std::string::npos);
    table.add("('c1', 8, NULL, 'u1')");
    const Taken null =
        take(payouts_by("SELECT claim AS claim_id, cents AS amount_cents FROM "
                        "paying ORDER BY id"));
    REQUIRE_FALSE(null.snapshot.payouts.is_read());
    CHECK(null.snapshot.payouts.why() == "mysql.payouts: row 2: the column amount_cents is NULL");
}

TEST_CASE("payouts that cannot be read, or whose database cannot be reached, say why") {
    const Taken gone = take(payouts_by("SELECT 1 AS claim_id FROM no_such_table_at_all"));
    REQUIRE(gone.snapshot.payouts.is_named());
    CHECK(gone.snapshot.payouts.why().find("no_such_table_at_all") != std::string::npos);
    EvidenceSpec nowhere = payouts_by("SELECT 1 AS claim_id");
    nowhere.mysql->address->port = 1;
    CHECK_FALSE(take(nowhere).snapshot.payouts.is_read());
    CHECK(take(nowhere).snapshot.payouts.is_named());
    CHECK_FALSE(take(payouts_by("")).snapshot.payouts.is_named());
}

TEST_CASE("a payout that comes late moves the pulse") {
    PayoutTable table;
    EvidenceReader reader(payouts_by("SELECT claim AS claim_id, cents AS amount_cents FROM paying"),
                          campaign());
    const Pulse before = reader.pulse();
    table.add("('c1', 7, 120, 'u1')");
    CHECK(before.difference(reader.pulse()) == "mysql.payouts went from 0 to 1");
}

TEST_CASE("the values of several commands are summed") {
    Keys keys;
    keys.redis.command({"SET", "sum:a", "7"});
    keys.redis.command({"SET", "sum:c1", "-2"});
    keys.redis.command({"RPUSH", "sum:b", "x", "y"});
    const Taken taken = take(summed({RedisCommand{"GET", "sum:a"}, RedisCommand{"LLEN", "sum:b"},
                                     RedisCommand{"GET", "sum:{campaign}"}}));
    REQUIRE(taken.snapshot.cache_remaining.is_read());
    CHECK(*taken.snapshot.cache_remaining == 7);
    REQUIRE(taken.snapshot.backlog.is_read());
    CHECK(*taken.snapshot.backlog == 7);
}

TEST_CASE("a sum with a missing part is absent, like a counter that is missing as a whole") {
    Keys keys;
    const EvidenceSpec spec = summed({RedisCommand{"GET", "sum:a"}, RedisCommand{"GET", "sum:b"}});
    CHECK(take(spec).snapshot.cache_remaining.is_absent());
    keys.redis.command({"SET", "sum:a", "7"});
    const Taken taken = take(spec);
    CHECK(taken.snapshot.cache_remaining.is_absent());
    CHECK(taken.snapshot.cache_remaining.why() ==
          "redis.remaining: 1 of 2 values cannot be had, so their sum is not known: the key "
          "'sum:b' does not exist (never set, expired or evicted)");
    keys.redis.command({"SET", "sum:b", "1"});
    CHECK(*take(spec).snapshot.cache_remaining == 8);
}

TEST_CASE("a sum that 64 bits cannot hold is unreadable, not wrapped around") {
    Keys keys;
    keys.redis.command({"SET", "sum:a", "9223372036854775807"});
    keys.redis.command({"SET", "sum:b", "1"});
    const Taken taken = take(summed({RedisCommand{"GET", "sum:a"}, RedisCommand{"GET", "sum:b"}}));
    REQUIRE_FALSE(taken.snapshot.cache_remaining.is_read());
    CHECK_FALSE(taken.snapshot.cache_remaining.is_absent());
    CHECK(taken.snapshot.cache_remaining.why().find("more than 64 bits") != std::string::npos);
}

TEST_CASE("the pulse sees a unit that goes from one part of a sum to another") {
    Keys keys;
    keys.redis.command({"MSET", "sum:a", "7", "sum:b", "1"});
    EvidenceReader reader(summed({RedisCommand{"GET", "sum:a"}, RedisCommand{"GET", "sum:b"}}),
                          campaign());
    const Pulse before = reader.pulse();
    keys.redis.command({"MSET", "sum:a", "6", "sum:b", "2"});
    CHECK(before.difference(reader.pulse()) == "redis.remaining[0] went from 7 to 6");
    keys.redis.command({"DEL", "sum:b"});
    CHECK(reader.pulse().unreadable().empty());
    keys.redis.command({"MSET", "sum:a", "7"});
    CHECK(before.difference(reader.pulse()) == "redis.remaining[1] went from 1 to nothing");
}
