#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/flows/envelope_id_tables.h"
#include "tests/support/envelope_bench.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;
using nlohmann::json;

namespace {

const std::vector<std::string> id_table_flows = {"envelope/id-table", "envelope/id-table/guarded"};

/// The id tables there are, and those the registry knows.
std::pair<std::int64_t, std::int64_t> id_tables(MysqlConnection& mysql) {
    return {
        mysql
            .query_one("SELECT COUNT(*) FROM information_schema.TABLES"
                       " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'envelope\\_ids\\_%'")
            ->int64(0),
        mysql.query_one("SELECT COUNT(*) FROM envelope_id_tables")->int64(0)};
}

}  // namespace

TEST_CASE("closing archives the winners and drops the id table; who has what reads the same") {
    for (const std::string& name : id_table_flows) {
        INFO(name);
        Bench bench(name, 3);
        MysqlConnection& mysql = bench.context.mysql();
        const auto [tables, open] = id_tables(mysql);
        bench.claim("a");
        bench.claim("b");
        const auto before = winners(bench);
        const auto summary = bench.flow->close(bench.context, bench.campaign);
        CHECK(summary->at("envelopes") == 3);
        CHECK(summary->at("winners") == 2);
        CHECK(summary->at("left") == 1);
        CHECK(id_tables(mysql) == std::pair(tables - 1, open - 1));
        CHECK(who_has_what(winners(bench)) == who_has_what(before));
        CHECK(sum_of(winners(bench)) == sum_of(before));
        CHECK(bench.state().claims == 2);
        CHECK(mysql
                  .query_one("SELECT COUNT(*) FROM envelopes"
                             " WHERE campaign_id = 'bench' AND claimed_at IS NOT NULL")
                  ->int64(0) == 2);
        // Once more changes nothing; nobody claims any more; the event may be held again.
        CHECK(bench.flow->close(bench.context, bench.campaign) == summary);
        CHECK(bench.claim("c") == Outcome::rejected);
        bench.flow->prepare(bench.context, bench.campaign);
        CHECK(winners(bench).empty());
        CHECK(bench.claim("c") == Outcome::granted);
    }
}

TEST_CASE("another server that knows the event by its id table finds it closed") {
    for (const std::string& name : id_table_flows) {
        INFO(name);
        Bench bench(name, 3);
        bench.claim("a");
        const auto other = bench.entry.make(FlowOptions(name, bench.entry.options, {}));
        other->close(bench.context, bench.campaign);
        CHECK(bench.claim("b") == Outcome::rejected);  // from its memory of the open event
        CHECK(who_has_what(winners(bench)) == "a:HB1");
    }
}

TEST_CASE("guarded: closing waits for the claims under way, and archives them") {
    Bench bench("envelope/id-table/guarded", 3);
    std::future<void> closing;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step != "before_commit") return;
        closing = std::async(std::launch::async, [&bench] {
            Context context(lab_stores(), nullptr);
            bench.flow->close(context, bench.campaign);
        });
        await_lock_wait();
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::granted);
    closing.get();
    CHECK(who_has_what(winners(bench)) == "a:HB1");
    CHECK(bench.claim("b") == Outcome::rejected);
}

TEST_CASE("events open at once each have their id table; one more than the limit is refused") {
    Bench bench("envelope/id-table/guarded", 2);
    std::vector<Campaign> others;
    for (std::int64_t i = 1; i < kMostOpenEvents; ++i) {
        Campaign other = bench.campaign;
        other.id = fmt::format("other-{}", i);
        bench.flow->prepare(bench.context, other);
        others.push_back(other);
    }
    bench.flow->claim(bench.context, others.front(), "a");
    bench.flow->claim(bench.context, others.back(), "b");
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(who_has_what(winners(bench)) == "a:HB1");
    Campaign more = bench.campaign;
    more.id = "one-more";
    CHECK_THROWS_WITH(bench.flow->prepare(bench.context, more),
                      Catch::Matchers::Contains("close one"));
    // One that is open already is opened again, and each closed one makes room.
    CHECK_NOTHROW(bench.flow->prepare(bench.context, others.front()));
    bench.flow->close(bench.context, others.front());
    CHECK_NOTHROW(bench.flow->prepare(bench.context, more));
    others.push_back(more);
    for (const Campaign& other : others) bench.flow->close(bench.context, other);
    CHECK(bench.claim("b") == Outcome::granted);
}

TEST_CASE("what a crash left half made is cleared away when the server starts") {
    Bench bench("envelope/id-table", 2);
    bench.claim("a");
    MysqlConnection& mysql = bench.context.mysql();
    const auto [tables, open] = id_tables(mysql);
    mysql.execute_text("CREATE TABLE envelope_ids_999999 (id BIGINT)");
    mysql.execute("INSERT INTO envelope_id_tables (campaign_id, is_made) VALUES ('half', 0)");
    mysql.execute_text("CREATE OR REPLACE VIEW envelope_winners AS SELECT 1 AS nonsense");
    bench.flow->create_schema(bench.context);
    CHECK(id_tables(mysql) == std::pair(tables, open));
    CHECK(who_has_what(winners(bench)) == "a:HB1");
    CHECK(bench.claim("b") == Outcome::granted);
}

TEST_CASE("a server that starts anew goes on with the events that are open") {
    for (const std::string& name : id_table_flows) {
        INFO(name);
        Bench bench(name, 2);
        bench.claim("a");
        bench.flow = bench.entry.make(FlowOptions(name, bench.entry.options, {}));
        bench.flow->create_schema(bench.context);
        CHECK(bench.claim("a") == Outcome::already_claimed);
        bench.claim("b");
        CHECK(bench.claim("c") == Outcome::sold_out);
    }
}
