#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "stores/mysql.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using Catch::Matchers::Contains;

namespace {

MysqlAddress lab_mysql() {
    return parse_mysql_url(shared_lab().mysql_url());
}

/// A connection whose lock waits give up after a second.
struct Impatient : MysqlConnection {
    Impatient() : MysqlConnection(lab_mysql()) {
        execute_text("SET SESSION innodb_lock_wait_timeout = 1");
    }
};

/// What `body` throws; fails the test if it throws nothing.
template <typename Body>
MysqlError error_of(Body body) {
    try {
        body();
    } catch (const MysqlError& error) {
        return error;
    }
    FAIL("no MysqlError was thrown");
    throw std::logic_error("unreachable");
}

void make_table(MysqlConnection& mysql, const std::string& name, const std::string& columns) {
    mysql.execute_text("DROP TABLE IF EXISTS " + name);
    mysql.execute_text("CREATE TABLE " + name + " (" + columns + ") ENGINE=InnoDB");
}

}  // namespace

TEST_CASE("values come back with the type they were bound with") {
    MysqlConnection mysql(lab_mysql());
    make_table(mysql, "typed",
               "i BIGINT, u BIGINT UNSIGNED, t TINYINT(1), d DOUBLE, n DECIMAL(10,2), b BIT(1), "
               "s TEXT, z VARBINARY(9), w DATETIME(6), y INT UNSIGNED");
    const std::string zero_inside("a\0b", 3);
    mysql.execute(
        "INSERT INTO typed VALUES (?, 18446744073709551615, 1, ?, 12.00, b'1', ?, ?, "
        "'2026-01-02 03:04:05.000006', 4294967295)",
        {INT64_MIN, 0.5, "naïve 🧧", zero_inside});
    const auto row = mysql.query_one("SELECT * FROM typed");
    REQUIRE(row);
    CHECK(std::get<std::int64_t>((*row)["i"]) == INT64_MIN);
    CHECK(row->text("u") == "18446744073709551615");
    CHECK(std::get<std::int64_t>((*row)["t"]) == 1);
    CHECK(std::get<double>((*row)["d"]) == 0.5);
    CHECK(row->int64("n") == 12);
    CHECK(std::get<std::int64_t>((*row)["b"]) == 1);
    CHECK(row->text("s") == "naïve 🧧");
    CHECK(std::get<std::string_view>((*row)["z"]) == zero_inside);
    CHECK(row->text("w") == "2026-01-02 03:04:05.000006");
    CHECK(std::get<std::int64_t>((*row)["y"]) == 4294967295);
}

TEST_CASE("NULL is bound and read as null, an empty text is no NULL") {
    MysqlConnection mysql(lab_mysql());
    const auto row = mysql.query_one("SELECT ? AS a, ? AS b, CAST(NULL AS SIGNED) AS c",
                                     {nullptr, std::string_view()});
    REQUIRE(row);
    CHECK(row->is_null("a"));
    CHECK_FALSE(row->is_null("b"));
    CHECK(row->text("b").empty());
    CHECK(row->is_null("c"));
    CHECK_THROWS_WITH(row->int64("c"), Contains("'c' holds NULL where a whole number is needed"));
    CHECK_THROWS_WITH(row->text("c"), Contains("'c' is NULL"));
}

TEST_CASE("a column is found by name, and a missing one is named with those there are") {
    MysqlConnection mysql(lab_mysql());
    const auto row = mysql.query_one("SELECT 1 AS Stock, 'x' AS remaining, 2.5 AS half");
    CHECK(row->int64("stock") == 1);
    CHECK(row->has("REMAINING"));
    CHECK_FALSE(row->has("sold_out"));
    CHECK_THROWS_WITH(row->int64("sold_out"), Contains("its columns are Stock, remaining, half"));
    CHECK_THROWS_WITH(row->int64("remaining"), Contains("holds 'x'"));
    CHECK_THROWS_WITH(row->int64("half"), Contains("holds '2.5'"));
    CHECK_THROWS_WITH(row->int64(3), Contains("returns 3 columns"));
}

TEST_CASE("texts of any length are read whole, also the short one behind a long one") {
    MysqlConnection mysql(lab_mysql());
    std::vector<std::size_t> lengths;
    mysql.for_each_row(
        "SELECT REPEAT('x', n) AS a, n, REPEAT('y', n) FROM (SELECT 3 AS n UNION ALL SELECT 300 "
        "UNION ALL SELECT 2000000 UNION ALL SELECT 256 UNION ALL SELECT 0) AS t",
        {}, [&](const MysqlRow& row) {
            const std::string a = row.text(0);
            CHECK(a == std::string(static_cast<std::size_t>(row.int64("n")), 'x'));
            CHECK(row.text(2) == std::string(a.size(), 'y'));
            lengths.push_back(a.size());
        });
    CHECK(lengths == std::vector<std::size_t>{3, 300, 2000000, 256, 0});
}

TEST_CASE("execute tells the rows changed and the id given") {
    MysqlConnection mysql(lab_mysql());
    make_table(mysql, "counted", "id INT AUTO_INCREMENT PRIMARY KEY, n INT");
    CHECK(mysql.execute("INSERT INTO counted (n) VALUES (?)", {1}).insert_id == 1);
    CHECK(mysql.execute("INSERT INTO counted (n) VALUES (?)", {1}).insert_id == 2);
    CHECK(mysql.execute("UPDATE counted SET n = 5 WHERE n = ?", {1}).affected_rows == 2);
    CHECK(mysql.execute("UPDATE counted SET n = 5").affected_rows == 0);  // matched, not changed
    CHECK(mysql.execute("SELECT * FROM counted").affected_rows == 0);
    CHECK(mysql.execute_text("DELETE FROM counted").affected_rows == 2);
    CHECK_FALSE(mysql.query_one("SELECT * FROM counted"));
    CHECK(mysql.query("SELECT * FROM counted").empty());
}

TEST_CASE("records stay valid behind the query that gave them") {
    MysqlConnection mysql(lab_mysql());
    auto records = mysql.query("SELECT 'one' AS a, 1 UNION ALL SELECT REPEAT('two', 100), 2");
    mysql.execute("SELECT 'other bytes in the same buffers'");
    const auto moved = std::move(records);
    REQUIRE(moved.size() == 2);
    CHECK(moved[0].text("a") == "one");
    CHECK(moved[1].text("a").size() == 300);
    CHECK(moved[1].int64(1) == 2);
}

TEST_CASE("a million rows stream through flat memory") {
    MysqlConnection mysql(lab_mysql());
    const auto resident_kb = [] {
        rusage usage{};
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_maxrss;
    };
    const std::string sql =
        "SELECT seq, REPEAT('u', 20) FROM (SELECT a.seq + 1000 * b.seq AS seq FROM seq_1_to_1000 "
        "AS a, seq_1_to_1000 AS b) AS rows_";
    std::int64_t rows = 0;
    const auto before = resident_kb();
    mysql.for_each_row(sql, {}, [&](const MysqlRow& row) {
        rows += std::get<std::string_view>(row[1]).size() == 20 ? 1 : 0;
    });
    CHECK(rows == 1'000'000);
    CHECK(resident_kb() - before < 8192);
}

TEST_CASE("a callback that throws leaves the connection usable") {
    MysqlConnection mysql(lab_mysql());
    CHECK_THROWS_AS(mysql.for_each_row("SELECT seq FROM seq_1_to_5000", {},
                                       [](const MysqlRow&) { throw std::runtime_error("enough"); }),
                    std::runtime_error);
    CHECK(mysql.is_usable());
    CHECK(mysql.query_one("SELECT 7")->int64(0) == 7);
    CHECK(mysql.query_one("SELECT seq FROM seq_1_to_5000")->int64(0) == 1);
    CHECK(mysql.query_one("SELECT 8")->int64(0) == 8);
}

TEST_CASE("statements beyond the cache's bound are closed on the server") {
    MysqlOptions options;
    options.statements_kept = 2;
    MysqlConnection mysql(lab_mysql(), options);
    for (int i = 0; i < 10; ++i) {
        CHECK(mysql.query_one(fmt::format("SELECT {} + ?", i), {1})->int64(0) == i + 1);
    }
    const auto open = [&] {
        std::int64_t prepared = 0;
        mysql.execute_text("SET @unused = 1");
        const auto row = mysql.query_one("SHOW SESSION STATUS LIKE 'Com_stmt_close'");
        prepared = row->int64("Value");
        return prepared;
    };
    CHECK(open() == 9);  // 11 prepared by then, 2 kept
    CHECK(mysql.query_one("SELECT 9 + ?", {2})->int64(0) == 11);
}

TEST_CASE("a statement whose table was altered fails once and then sees the new columns") {
    MysqlConnection mysql(lab_mysql());
    make_table(mysql, "altered", "a INT");
    mysql.execute("INSERT INTO altered VALUES (1)");
    CHECK(mysql.query_one("SELECT * FROM altered")->size() == 1);
    mysql.execute_text("ALTER TABLE altered ADD COLUMN b VARCHAR(10) DEFAULT 'x', MODIFY a TEXT");
    CHECK_THROWS_AS(mysql.query_one("SELECT * FROM altered"), MysqlError);
    CHECK(mysql.is_usable());
    const auto row = mysql.query_one("SELECT * FROM altered");
    REQUIRE(row->size() == 2);
    CHECK(row->text("a") == "1");
    CHECK(row->text("b") == "x");
}

TEST_CASE("statements with several results leave nothing behind") {
    MysqlConnection mysql(lab_mysql());
    mysql.execute_text("DROP PROCEDURE IF EXISTS two_results");
    mysql.execute_text("CREATE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2; END");
    mysql.execute_text("CALL two_results()");
    CHECK(mysql.query_one("SELECT 3")->int64(0) == 3);
    mysql.execute("CALL two_results()");
    CHECK(mysql.query_one("SELECT 4")->int64(0) == 4);
    CHECK(mysql.query_one("CALL two_results()")->int64(0) == 1);
    CHECK(mysql.query_one("SELECT 5")->int64(0) == 5);
}

TEST_CASE("the number of values must be the number of placeholders") {
    MysqlConnection mysql(lab_mysql());
    CHECK_THROWS_WITH(mysql.execute("SELECT ?", {1, 2}), Contains("1 placeholders and got 2"));
    CHECK(mysql.is_usable());
}

TEST_CASE("a transaction that is not committed is rolled back") {
    MysqlConnection mysql(lab_mysql());
    make_table(mysql, "kept", "n INT");
    {
        Transaction transaction(mysql);
        mysql.execute("INSERT INTO kept VALUES (1)");
    }
    CHECK(mysql.query("SELECT * FROM kept").empty());
    {
        Transaction transaction(mysql);
        mysql.execute("INSERT INTO kept VALUES (2)");
        transaction.commit();
    }
    {
        Transaction transaction(mysql);
        mysql.execute("INSERT INTO kept VALUES (3)");
        transaction.rollback();
    }
    CHECK(mysql.query_one("SELECT SUM(n) FROM kept")->int64(0) == 2);
}

TEST_CASE("a refused statement tells number, SQL state and statement in one line") {
    MysqlConnection mysql(lab_mysql());
    const auto error = error_of([&] { mysql.execute("SELEKT\n 1"); });
    CHECK(error.code() == 1064);
    CHECK(error.sqlstate() == "42000");
    CHECK(error.statement() == "SELEKT\n 1");
    CHECK_THAT(error.what(), Contains("MySQL says 1064 (42000)") && Contains("to: SELEKT  1"));
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    CHECK_FALSE(is_connection_lost(error));
    CHECK(mysql.is_usable());
    CHECK(error.exit_status() == 3);
}

TEST_CASE("a duplicate key is told from other errors") {
    MysqlConnection mysql(lab_mysql());
    make_table(mysql, "unique_users", "u VARCHAR(9) PRIMARY KEY");
    mysql.execute("INSERT INTO unique_users VALUES (?)", {"a"});
    const auto error =
        error_of([&] { mysql.execute("INSERT INTO unique_users VALUES (?)", {"a"}); });
    CHECK(is_duplicate_key(error));
    CHECK_FALSE(is_deadlock(error));
    CHECK_FALSE(is_lock_wait_timeout(error));
}

TEST_CASE("a lock wait timeout is told from a deadlock, and leaves the transaction open") {
    MysqlConnection holder(lab_mysql());
    make_table(holder, "locked", "id INT PRIMARY KEY, n INT");
    holder.execute("INSERT INTO locked VALUES (1, 0), (2, 0)");
    Transaction holding(holder);
    holder.execute("UPDATE locked SET n = 1 WHERE id = 1");

    Impatient waiter;
    Transaction waiting(waiter);
    waiter.execute("UPDATE locked SET n = 2 WHERE id = 2");
    const auto error = error_of([&] { waiter.execute("UPDATE locked SET n = 2 WHERE id = 1"); });
    CHECK(is_lock_wait_timeout(error));
    CHECK_FALSE(is_deadlock(error));
    waiting.commit();
    holding.rollback();
    CHECK(holder.query_one("SELECT n FROM locked WHERE id = 2")->int64(0) == 2);  // half its work
}

TEST_CASE("the victim of a deadlock is told so and has been rolled back whole") {
    MysqlConnection first(lab_mysql());
    make_table(first, "crossed", "id INT PRIMARY KEY, n INT");
    first.execute("INSERT INTO crossed VALUES (1, 0), (2, 0)");
    MysqlConnection second(lab_mysql());
    Transaction one(first);
    Transaction two(second);
    first.execute("UPDATE crossed SET n = 1 WHERE id = 1");
    second.execute("UPDATE crossed SET n = 2 WHERE id = 2");
    // One of the two must be the victim, whichever comes second.
    std::optional<MysqlError> of_second;
    std::thread other([&] {
        try {
            second.execute("UPDATE crossed SET n = 2 WHERE id = 1");
        } catch (const MysqlError& error) {
            of_second = error;
        }
    });
    std::optional<MysqlError> of_first;
    try {
        first.execute("UPDATE crossed SET n = 1 WHERE id = 2");
    } catch (const MysqlError& error) {
        of_first = error;
        one.rollback();
    }
    other.join();
    REQUIRE((of_first.has_value() != of_second.has_value()));
    const MysqlError& victim = of_first ? *of_first : *of_second;
    CHECK(is_deadlock(victim));
    CHECK_FALSE(is_lock_wait_timeout(victim));
    CHECK((of_first ? first : second).is_usable());
}

TEST_CASE("MySQL: a connection the server ended is lost, and stays lost") {
    MysqlConnection mysql(lab_mysql());
    MysqlConnection killer(lab_mysql());
    const auto id = mysql.query_one("SELECT CONNECTION_ID()")->int64(0);
    killer.execute_text(fmt::format("KILL {}", id));
    const auto error = error_of([&] { mysql.execute("SELECT 1"); });
    CHECK(is_connection_lost(error));
    CHECK_FALSE(mysql.is_usable());
    CHECK(is_connection_lost(error_of([&] { mysql.execute("SELECT 1"); })));
}

TEST_CASE(
    "MySQL: an answer that does not come in time is a lost connection, not a failed statement") {
    MysqlOptions options;
    options.io_timeout = std::chrono::milliseconds(300);  // the library makes it a second
    MysqlConnection mysql(lab_mysql(), options);
    const auto error = error_of([&] { mysql.execute("SELECT SLEEP(20)"); });
    CHECK(is_connection_lost(error));
    CHECK_FALSE(mysql.is_usable());
}

TEST_CASE("a connection that broke inside a transaction does not hang in its rollback") {
    const auto address = lab_mysql();
    DroppingProxy proxy(address.port);
    MysqlAddress through = address;
    through.port = proxy.port();
    MysqlConnection mysql(through);
    make_table(mysql, "in_doubt", "n INT");
    proxy.arm("COMMIT", DroppingProxy::When::after_effect);
    const auto error = error_of([&] {
        Transaction transaction(mysql);
        mysql.execute("INSERT INTO in_doubt VALUES (1)");
        transaction.commit();
    });
    CHECK(is_connection_lost(error));
    CHECK(proxy.has_dropped());
    CHECK(MysqlConnection(address).query("SELECT * FROM in_doubt").size() == 1);  // it was stored
}

TEST_CASE("MySQL: who cannot connect learns it in one line, without the password") {
    const auto says = [](const MysqlAddress& address, const std::string& what) {
        const auto error = error_of([&] { MysqlConnection connection(address); });
        CHECK_THAT(error.what(),
                   Contains(what) && Contains("cannot connect to mysql://") && !Contains("s3cret"));
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
    };
    MysqlAddress address = lab_mysql();
    address.password = "s3cret";
    says(address, "check user and password");
    address = lab_mysql();
    address.database = "nowhere";
    address.user = "root";
    address.password = "s3cret";
    says(address, "cannot connect");
    address.port = 1;
    says(address, "is the server running there?");
    address.socket = "/nonexistent/mysql.sock";
    says(address, "is the server running there?");
}

TEST_CASE("connections of many threads do not disturb each other") {
    const auto address = lab_mysql();
    std::atomic<std::int64_t> sum{0};
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            MysqlConnection mysql(address);
            for (int k = 0; k < 50; ++k) sum += mysql.query_one("SELECT ? + 0", {i})->int64(0);
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(sum == 1400);  // 50 times 0 + 1 + … + 7
}
