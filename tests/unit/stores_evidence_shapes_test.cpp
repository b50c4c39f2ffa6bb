#include <algorithm>

#include <catch2/catch.hpp>

#include "stores/evidence_reader.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;

namespace {

/// Tables and keys of a test's own in the lab; Redis database 1 stands for another instance.
struct Stores {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    RedisConnection redis{parse_redis_url(shared_lab().redis_url())};
    RedisConnection other{second()};

    Stores() { clear(); }
    ~Stores() { clear(); }
    Stores(const Stores&) = delete;
    Stores& operator=(const Stores&) = delete;

    static RedisAddress first() { return parse_redis_url(shared_lab().redis_url()); }
    static RedisAddress second() {
        RedisAddress address = first();
        address.database = 1;
        return address;
    }
    void clear() {
        mysql.execute_text("DROP TABLE IF EXISTS shard0, shard1, goods0, goods1");
        redis.command({"FLUSHDB"});
        other.command({"FLUSHDB"});
    }
    void make_shards() {
        for (const char* table : {"shard0", "shard1"}) {
            mysql.execute_text(std::string("CREATE TABLE ") + table +
                               " (id INT AUTO_INCREMENT PRIMARY KEY, uid VARCHAR(20), n INT,"
                               " state VARCHAR(9) DEFAULT 'paid')");
        }
        for (const char* table : {"goods0", "goods1"}) {
            mysql.execute_text(std::string("CREATE TABLE ") + table +
                               " (total INT, rest INT, closed INT)");
        }
    }
};

struct Taken {
    Names users;
    TextPool texts;
    Snapshot snapshot;

    std::vector<std::string> cache_users() const {
        REQUIRE(snapshot.cache_users.is_read());
        std::vector<std::string> names;
        names.reserve(snapshot.cache_users->size());
        for (const UserId user : *snapshot.cache_users) names.emplace_back(users.name(user));
        std::sort(names.begin(), names.end());
        return names;
    }
};

Taken take(const EvidenceSpec& spec, const std::string& campaign = "c1") {
    Campaign about;
    about.id = campaign;
    Taken taken;
    EvidenceReader reader(spec, about);
    taken.snapshot = reader.take(taken.users, taken.texts);
    return taken;
}

std::int64_t pulse_of(const EvidenceSpec& spec, const std::string& name) {
    Campaign about;
    about.id = "c1";
    EvidenceReader reader(spec, about);
    const Pulse pulse = reader.pulse();
    for (const auto& [counter, reading] : pulse.counters) {
        if (counter == name) return *reading;
    }
    FAIL("no counter " << name);
    return 0;
}

EvidenceSpec mysql_spec() {
    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{parse_mysql_url(shared_lab().mysql_url())};
    return spec;
}

EvidenceSpec users_in(std::vector<RedisUsers> users) {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{Stores::first()};
    spec.redis->users = std::move(users);
    return spec;
}

std::int64_t counter_of(const RedisCommand& command) {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{Stores::first(), {{command}}};
    const Taken taken = take(spec);
    INFO(command.front());
    REQUIRE(taken.snapshot.cache_remaining.is_read());
    return *taken.snapshot.cache_remaining;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("claims and stock of several tables and databases are one campaign's") {
    Stores stores;
    stores.make_shards();
    stores.mysql.execute_text("INSERT INTO shard0 (uid) VALUES ('a'), ('b')");
    stores.mysql.execute_text(
        "INSERT INTO shard1 (uid, state) VALUES ('c', 'cancelled'), "
        "('d', 'paid')");
    stores.mysql.execute_text("INSERT INTO goods0 VALUES (3, 1, 1)");
    stores.mysql.execute_text("INSERT INTO goods1 VALUES (4, -2, 0)");
    EvidenceSpec spec = mysql_spec();
    // The second shard is read by another account: a connection and a transaction of its own.
    const MysqlAddress elsewhere = parse_mysql_url(shared_lab().auditor_url());
    spec.mysql->claims = {
        {"SELECT uid AS user, id AS claim_id FROM shard0"},
        {"SELECT id AS claim_id, uid AS user FROM shard1 WHERE state <> 'cancelled'", elsewhere}};
    spec.mysql->stock = {
        {"SELECT total AS stock, rest AS remaining, closed AS sold_out FROM goods0"},
        {"SELECT total AS stock, rest AS remaining, closed AS sold_out FROM goods1", elsewhere}};
    const Taken taken = take(spec);
    REQUIRE(taken.snapshot.ledger.is_read());
    Strings users;
    users.reserve(taken.snapshot.ledger->rows.size());
    for (const ClaimRow& row : taken.snapshot.ledger->rows) {
        users.emplace_back(taken.users.name(row.user));
    }
    CHECK(users == Strings{"a", "b", "d"});
    CHECK(taken.texts.view(taken.snapshot.ledger->rows.back().claim_id) == "2");
    CHECK(*taken.snapshot.stock == 7);
    CHECK(*taken.snapshot.remaining == -1);
    CHECK_FALSE(*taken.snapshot.sold_out);
    CHECK(pulse_of(spec, "mysql.claims[1]") == 1);
    CHECK(pulse_of(spec, "mysql.remaining[1]") == -2);
    stores.mysql.execute_text("UPDATE goods1 SET closed = 1");
    CHECK(*take(spec).snapshot.sold_out);
}

TEST_CASE("one of several queries that cannot be read leaves the whole unknown, and is named") {
    Stores stores;
    stores.make_shards();
    EvidenceSpec spec = mysql_spec();
    spec.mysql->claims = {{"SELECT uid AS user FROM shard0"}, {"SELECT uid FROM shard1"}};
    const Taken taken = take(spec);
    REQUIRE_FALSE(taken.snapshot.ledger.is_read());
    CHECK(taken.snapshot.ledger.why() ==
          "mysql.claims[1]: the query returns no column 'user': its columns are uid");
    spec = mysql_spec();
    stores.mysql.execute_text("INSERT INTO goods0 VALUES (3, 1, 1)");
    stores.mysql.execute_text("INSERT INTO goods1 VALUES (3, 1, 1)");
    spec.mysql->stock = {{"SELECT total AS stock, rest AS remaining FROM goods0"},
                         {"SELECT total AS stock FROM goods1"}};
    CHECK(take(spec).snapshot.remaining.why() ==
          "mysql.stock[1]: the column remaining is in some of the queries only: all or none must "
          "have it");
}

TEST_CASE("users are read from a set, a hash, a sorted set, and from several of these together") {
    Stores stores;
    stores.redis.command({"SADD", "done:c1", "a", "b"});
    stores.redis.command({"HSET", "h", "c", "1", "a", "2"});
    stores.other.command({"ZADD", "z", "7", "d"});
    CHECK(take(users_in({{RedisUsersKind::set, "done:{campaign}"}})).cache_users() ==
          Strings{"a", "b"});
    const EvidenceSpec spec = users_in({{RedisUsersKind::set, "done:{campaign}"},
                                        {RedisUsersKind::hash, "h"},
                                        {RedisUsersKind::zset, "z", "", 0, Stores::second()}});
    CHECK(take(spec).cache_users() == Strings{"a", "b", "c", "d"});
    CHECK(pulse_of(spec, "redis.users[2]") == 1);
}

TEST_CASE("a bitmap's bits are the users its template names, across every byte read") {
    Stores stores;
    for (const char* bit : {"0", "7", "8", "524287", "524288", "1048577"}) {
        stores.redis.command({"SETBIT", "bits:c1", bit, "1"});
    }
    stores.redis.command({"SETBIT", "bits:c1", "9", "1"});
    stores.redis.command({"SETBIT", "bits:c1", "9", "0"});
    const EvidenceSpec by_offset =
        users_in({{RedisUsersKind::bitmap, "bits:{campaign}", "u{n}", 0}});
    CHECK(take(by_offset).cache_users() ==
          Strings{"u0", "u1048577", "u524287", "u524288", "u7", "u8"});
    CHECK(pulse_of(by_offset, "redis.users") == 6);
    const EvidenceSpec from_one =
        users_in({{RedisUsersKind::bitmap, "bits:{campaign}", "m-{n}", 1}});
    CHECK(take(from_one).cache_users().front() == "m-1");
    CHECK(take(users_in({{RedisUsersKind::bitmap, "none", "u{n}", 1}})).cache_users().empty());
}

TEST_CASE("where each user has a key, the user is cut out of it, whatever campaign and user say") {
    Stores stores;
    stores.redis.command({"SET", "sk:done:c1:a", "1"});
    stores.redis.command({"SET", "sk:done:c1:b:x", "1"});
    stores.redis.command({"SET", "sk:done:c1:", "1"});    // nobody's
    stores.redis.command({"SET", "sk:done:c11:z", "1"});  // another campaign's
    const EvidenceSpec spec = users_in({{RedisUsersKind::keys, "sk:done:{campaign}:{user}"}});
    CHECK(take(spec).cache_users() == Strings{"a", "b:x"});
    CHECK(pulse_of(spec, "redis.users") == 2);
    // What would match any key as a pattern is one campaign's name here.
    stores.redis.command({"SET", "sk:done:*[a]?\\:q", "1"});
    CHECK(take(spec, "*[a]?\\").cache_users() == Strings{"q"});
    stores.redis.command({"SET", "[a]:u7:taken", "1"});
    CHECK(take(users_in({{RedisUsersKind::keys, "[a]:{user}:taken"}})).cache_users() ==
          Strings{"u7"});
}

TEST_CASE("more keys than one SCAN shows are all found, each once") {
    Stores stores;
    constexpr int kUsers = 3000;
    for (int i = 0; i < kUsers; ++i) {
        stores.redis.append({"SET", "done:u" + std::to_string(i), "1"});
    }
    stores.redis.flush();
    const EvidenceSpec spec = users_in({{RedisUsersKind::keys, "done:{user}"}});
    CHECK(take(spec).cache_users().size() == kUsers);
    CHECK(pulse_of(spec, "redis.users") == kUsers);
}

TEST_CASE("a counter is whatever number a reading command answers") {
    Stores stores;
    stores.redis.command({"HSET", "goods", "rest", "-3"});
    stores.redis.command({"RPUSH", "queue", "x", "9"});
    stores.redis.command({"XADD", "stream", "*", "a", "1"});
    stores.redis.command({"SADD", "set", "a", "b", "c"});
    stores.redis.command({"ZADD", "scores", "12", "c1", "13", "c2"});
    CHECK(counter_of({"HGET", "goods", "rest"}) == -3);
    CHECK(counter_of({"LLEN", "queue"}) == 2);
    CHECK(counter_of({"LINDEX", "queue", "-1"}) == 9);
    CHECK(counter_of({"XLEN", "stream"}) == 1);
    CHECK(counter_of({"SCARD", "set"}) == 3);
    CHECK(counter_of({"ZSCORE", "scores", "{campaign}"}) == 12);
    CHECK(counter_of({"ZCOUNT", "scores", "(12", "+inf"}) == 1);
    CHECK(counter_of({"ZCARD", "scores"}) == 2);
    CHECK(counter_of({"HLEN", "goods"}) == 1);
}

TEST_CASE("the segments of a counter may lie in several Redis") {
    Stores stores;
    stores.redis.command({"SET", "rest", "7"});
    stores.other.command({"SET", "rest", "5"});
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{Stores::first()};
    spec.redis->remaining = {{{"GET", "rest"}}, {{"GET", "rest"}, Stores::second()}};
    CHECK(*take(spec).snapshot.cache_remaining == 12);
    CHECK(pulse_of(spec, "redis.remaining[1]") == 5);
}

TEST_CASE("locks are found by patterns in which the campaign stands for itself") {
    Stores stores;
    stores.redis.command({"SET", "lock:c1:a", "1"});
    stores.redis.command({"SET", "lock:*:a", "1"});
    stores.other.command({"SET", "lock:c1:a", "1", "PX", "60000"});
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{Stores::first()};
    spec.redis->locks = {{"lock:{campaign}:*"}, {"lock:{campaign}:?", Stores::second()}};
    const Taken taken = take(spec);
    REQUIRE(taken.snapshot.locks->size() == 2);
    CHECK(taken.snapshot.locks->at(0).pttl_ms == -1);
    CHECK(taken.snapshot.locks->at(1).pttl_ms > 0);
    const Taken starred = take(spec, "*");
    REQUIRE(starred.snapshot.locks->size() == 1);
    CHECK(starred.snapshot.locks->front().key == "lock:*:a");
}
