#include <thread>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "stores/evidence_reader.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace std::chrono_literals;

namespace {

/// A table of claims of its own in the lab's database.
struct Table {
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    Table() {
        mysql.execute_text("DROP TABLE IF EXISTS settling");
        mysql.execute_text(
            "CREATE TABLE settling (id INT AUTO_INCREMENT PRIMARY KEY, uid VARCHAR(20))");
    }
    ~Table() { mysql.execute_text("DROP TABLE settling"); }
    void add() { mysql.execute_text("INSERT INTO settling (uid) VALUES ('u1')"); }
};

EvidenceSpec spec_of(const std::string& claims) {
    EvidenceSpec spec;
    spec.mysql = MysqlEvidenceSpec{parse_mysql_url(shared_lab().mysql_url()), {{claims}}};
    return spec;
}

std::int64_t counted(const std::string& claims) {
    EvidenceReader reader(spec_of(claims), Campaign{});
    const Pulse pulse = reader.pulse();
    INFO(pulse.unreadable());
    REQUIRE(pulse.unreadable().empty());
    return *pulse.counters.front().second;
}

}  // namespace

TEST_CASE("claims are counted also by queries that cannot stand inside another") {
    Table table;
    table.add();
    table.add();
    CHECK(counted("SELECT uid AS user FROM settling") == 2);
    CHECK(counted("SELECT uid AS user FROM settling -- every claim") == 2);
    CHECK(counted("SELECT a.uid AS user, a.*, b.* FROM settling a JOIN settling b USING (id)") ==
          2);
}

TEST_CASE("stores that still change are not settled, and the reason says what moved") {
    Table table;
    EvidenceReader reader(spec_of("SELECT uid AS user FROM settling -- every claim"), Campaign{});
    const std::atomic<bool> stop{false};
    std::atomic<bool> done{false};
    std::thread writer([&] {
        while (!done) {
            table.add();
            ::usleep(2000);
        }
    });
    const Settlement settlement = settle(reader, 30ms, 200ms, stop);
    done = true;
    writer.join();
    CHECK_FALSE(settlement.settled);
    CHECK(settlement.why_not.find("mysql.claims went from") != std::string::npos);
    CHECK(settle(reader, 30ms, 2s, stop).settled);
}

TEST_CASE("a transaction that is still open keeps the stores from being settled") {
    Table table;
    EvidenceReader reader(spec_of("SELECT uid AS user FROM settling"), Campaign{});
    const std::atomic<bool> stop{false};
    {
        Transaction open(table.mysql);
        table.add();
        const Settlement settlement = settle(reader, 30ms, 200ms, stop);
        CHECK_FALSE(settlement.settled);
        CHECK(settlement.why_not.find("still open") != std::string::npos);
    }
    CHECK(settle(reader, 30ms, 2s, stop).settled);
}

TEST_CASE("what cannot be read cannot be seen to settle") {
    EvidenceReader reader(spec_of("SELECT uid AS user FROM nowhere_at_all"), Campaign{});
    const std::atomic<bool> stop{false};
    const Settlement settlement = settle(reader, 10ms, 50ms, stop);
    CHECK_FALSE(settlement.settled);
    CHECK(settlement.why_not.find("cannot be seen") != std::string::npos);
    CHECK(settlement.why_not.find("nowhere_at_all") != std::string::npos);
}

TEST_CASE("a cache key that is not there does not keep the stores from settling") {
    EvidenceSpec spec;
    spec.redis = RedisEvidenceSpec{parse_redis_url(shared_lab().redis_url()),
                                   {{RedisCommand{"GET", "no:such:key"}}}};
    EvidenceReader reader(spec, Campaign{});
    const std::atomic<bool> stop{false};
    CHECK(settle(reader, 10ms, 1s, stop).settled);
    Names users;
    TextPool texts;
    CHECK(reader.take(users, texts).cache_remaining.is_absent());
}
