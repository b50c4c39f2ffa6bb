#include <catch2/catch.hpp>

#include "stores/evidence_reader.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;

namespace {

/// A table to be misread.
struct Table {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    Table() {
        drop();
        mysql.execute_text(
            "CREATE TABLE bad (uid VARCHAR(20), id VARCHAR(20), no VARCHAR(20), cents VARCHAR(20),"
            " total INT, rest INT)");
    }
    ~Table() { drop(); }
    Table(const Table&) = delete;
    Table& operator=(const Table&) = delete;
    void drop() { mysql.execute_text("DROP TABLE IF EXISTS bad"); }
    void add(const std::string& values) { mysql.execute_text("INSERT INTO bad VALUES " + values); }
};

Snapshot take(const EvidenceSpec& spec) {
    Campaign campaign;
    campaign.id = "c1";
    Names users;
    TextPool texts;
    return EvidenceReader(spec, campaign).take(users, texts);
}

EvidenceSpec on_mysql(const std::string& url) {
    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{parse_mysql_url(url)};
    return spec;
}

std::string why_no_claims(const std::string& sql,
                          const std::string& url = shared_lab().mysql_url()) {
    EvidenceSpec spec = on_mysql(url);
    spec.mysql->claims = {{sql}};
    const Snapshot snapshot = take(spec);
    return snapshot.ledger.is_read() ? "it was read" : snapshot.ledger.why();
}

std::string why_no_stock(const std::string& sql) {
    EvidenceSpec spec = on_mysql(shared_lab().mysql_url());
    spec.mysql->stock = {{sql}};
    const Snapshot snapshot = take(spec);
    if (snapshot.stock.is_read() || snapshot.remaining.is_read()) return "it was read";
    return snapshot.stock.why();
}

std::string why_no_counter(const RedisCommand& command) {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{parse_redis_url(shared_lab().redis_url()), {{command}}};
    const Snapshot snapshot = take(spec);
    return snapshot.cache_remaining.is_read() ? "it was read" : snapshot.cache_remaining.why();
}

std::string why_no_users(RedisUsersKind kind, const std::string& key) {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{parse_redis_url(shared_lab().redis_url())};
    spec.redis->users = {{kind, key, "u{n}"}};
    const Snapshot snapshot = take(spec);
    return snapshot.cache_users.is_read() ? "it was read" : snapshot.cache_users.why();
}

bool contains(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a table or a column that is not there is named, also when no row came") {
    Table table;
    CHECK(contains(why_no_claims("SELECT uid AS user FROM nowhere"),
                   "mysql.claims: MySQL says 1146"));
    CHECK(contains(why_no_claims("SELECT userid AS user FROM bad"), "Unknown column 'userid'"));
    CHECK(why_no_claims("SELECT uid, id AS claim_id FROM bad") ==
          "mysql.claims: the query returns no column 'user': its columns are uid, claim_id");
    CHECK(why_no_stock("SELECT total, rest FROM bad") ==
          "mysql.stock: the query has none of the columns stock, remaining, sold_out");
}

TEST_CASE("a query that the account may not make is named with the server's reason") {
    Table table;
    CHECK(contains(why_no_claims("SELECT user FROM mysql.user", shared_lab().auditor_url()),
                   "mysql.claims: MySQL says 1142"));
    CHECK(contains(why_no_claims("SELECT uid AS user FROM bad WHERE"), "MySQL says 1064"));
}

TEST_CASE("NULL in a column that a claim need not have is not carried, and is no number") {
    Table table;
    table.add(
        "('a', '1', '7', '100', 1, 1), ('b', NULL, NULL, NULL, 1, 1), ('c', '', '0', '0', 1, 1)");
    EvidenceSpec spec = on_mysql(shared_lab().mysql_url());
    spec.mysql->claims = {
        {"SELECT uid AS user, id AS claim_id, no AS ticket, cents AS amount_cents FROM bad "
         "ORDER BY uid"}};
    Campaign campaign;
    Names users;
    TextPool texts;
    const Snapshot snapshot = EvidenceReader(spec, campaign).take(users, texts);
    REQUIRE(snapshot.ledger.is_read());
    REQUIRE(snapshot.ledger->rows.size() == 3);
    const ClaimRow whole = snapshot.ledger->rows[0];
    CHECK(texts.view(whole.claim_id) == "1");
    CHECK(whole.ticket == 7);
    CHECK(whole.amount_cents == 100);
    const ClaimRow bare = snapshot.ledger->rows[1];
    CHECK(TextPool::is_empty(bare.claim_id));
    CHECK(bare.ticket == kNoNumber);
    CHECK(bare.amount_cents == kNoNumber);
    const ClaimRow nought = snapshot.ledger->rows[2];
    CHECK(TextPool::is_empty(nought.claim_id));
    CHECK(nought.ticket == 0);
    CHECK(nought.amount_cents == 0);
}

TEST_CASE("a value that cannot be one is told with its row and column") {
    Table table;
    table.add("('a', '1', '7', '100', 1, 1), (NULL, '2', '8', '100', 1, 1)");
    CHECK(why_no_claims("SELECT uid AS user FROM bad ORDER BY id") ==
          "mysql.claims: row 2: the column user is NULL");
    table.mysql.execute_text("DELETE FROM bad");
    table.add("('a', '1', '7', '100', 1, 1), ('b', '2', 'x7', '12.5', 1, 1)");
    CHECK(why_no_claims("SELECT uid AS user, no AS ticket FROM bad ORDER BY id") ==
          "mysql.claims: row 2: the column 'ticket' holds 'x7' where a whole number is needed");
    CHECK(why_no_claims("SELECT uid AS user, cents AS amount_cents FROM bad ORDER BY id") ==
          "mysql.claims: row 2: the column 'amount_cents' holds '12.5' where a whole number is "
          "needed");
    CHECK(why_no_claims("SELECT uid AS user, id AS claim_id FROM bad") == "it was read");
}

TEST_CASE("a stock is one row of whole numbers, and never below zero") {
    Table table;
    CHECK(why_no_stock("SELECT total AS stock FROM bad") ==
          "mysql.stock: the query gave no row: is the campaign there?");
    table.add("('a', '1', '7', 'x', NULL, -1)");
    CHECK(why_no_stock("SELECT total AS stock FROM bad") ==
          "mysql.stock: the column 'stock' holds NULL where a whole number is needed");
    CHECK(why_no_stock("SELECT cents AS stock FROM bad") ==
          "mysql.stock: the column 'stock' holds 'x' where a whole number is needed");
    CHECK(why_no_stock("SELECT rest AS stock FROM bad") ==
          "mysql.stock: the column stock says -1, and no stock is below zero");
    CHECK(why_no_stock("SELECT rest AS remaining FROM bad") == "it was read");
    table.add("('a', '1', '7', 'x', 3, 3)");
    CHECK(why_no_stock("SELECT rest AS stock FROM bad ORDER BY rest DESC") ==
          "mysql.stock: the query gave 2 rows where one is wanted: which is the campaign's?");
}

TEST_CASE("a key of another type and a value that is no number are named with their key") {
    RedisConnection redis(parse_redis_url(shared_lab().redis_url()));
    redis.command({"DEL", "bad:list", "bad:text", "bad:none"});
    redis.command({"RPUSH", "bad:list", "1"});
    redis.command({"SET", "bad:text", "seven"});
    CHECK(why_no_counter({"GET", "bad:list"}) ==
          "redis.remaining: Redis says: WRONGTYPE Operation against a key holding the wrong kind "
          "of value, to: GET bad:list");
    CHECK(why_no_counter({"GET", "bad:text"}) ==
          "redis.remaining: 'GET bad:text' answers 'seven', which is no whole number");
    CHECK(why_no_counter({"HGET", "bad:none", "f"}) ==
          "redis.remaining: 'HGET bad:none f' finds nothing there (never set, expired or "
          "evicted)");
    CHECK(
        contains(why_no_users(RedisUsersKind::set, "bad:text"), "redis.users: Redis says: WRONG"));
    CHECK(contains(why_no_users(RedisUsersKind::hash, "bad:text"), "to: HSCAN bad:text"));
    CHECK(contains(why_no_users(RedisUsersKind::bitmap, "bad:list"), "to: GETRANGE bad:list"));
    redis.command({"DEL", "bad:list", "bad:text"});
}

TEST_CASE("a database that goes away in the middle of a reading leaves a part of no reading") {
    Table table;
    for (int i = 0; i < 50; ++i) table.add("('u', '1', '1', '1', 1, 1)");
    EvidenceSpec spec = on_mysql(shared_lab().mysql_url());
    // The reading kills its own connection: what the server does when it is shut down.
    spec.mysql->claims = {{"SELECT uid AS user FROM bad"}};
    spec.mysql->stock = {{"SELECT 1 AS stock FROM (SELECT KILL_SELF() ) x"}};
    MysqlConnection& mysql = table.mysql;
    mysql.execute_text("DROP FUNCTION IF EXISTS KILL_SELF");
    mysql.execute_text(
        "CREATE FUNCTION KILL_SELF() RETURNS INT NOT DETERMINISTIC "
        "BEGIN KILL CONNECTION_ID(); RETURN 1; END");
    spec.mysql->payouts = {{"SELECT 1 AS claim_id, 1 AS amount_cents"}};
    const Snapshot snapshot = take(spec);
    mysql.execute_text("DROP FUNCTION KILL_SELF");
    CHECK(snapshot.ledger.is_read());
    REQUIRE_FALSE(snapshot.stock.is_read());
    CHECK(contains(snapshot.stock.why(), "mysql.stock: "));
    // What came after it would have been of another moment.
    REQUIRE_FALSE(snapshot.payouts.is_read());
    CHECK(snapshot.payouts.why() ==
          "mysql.payouts: the connection was lost while the stores were read");
    CHECK(take(spec).ledger.is_read());
}
