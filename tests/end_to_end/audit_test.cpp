#include <algorithm>
#include <csignal>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "stores/mysql.h"
#include "stores/redis.h"
#include "tests/support/program.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A shop's own tables and keys in the lab, and a scenario that names nothing but these.
struct Shop {
    TemporaryFolder folder;
    Program program{folder.path};
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    RedisConnection redis{parse_redis_url(shared_lab().redis_url())};
    json scenario;

    explicit Shop(int stock) {
        drop();
        mysql.execute_text(
            "CREATE TABLE shop_orders (id INT AUTO_INCREMENT PRIMARY KEY, sku INT, "
            "uid VARCHAR(20), state INT DEFAULT 1, KEY (sku))");
        mysql.execute_text("CREATE TABLE shop_goods (sku INT PRIMARY KEY, total INT, rest INT)");
        mysql.execute("INSERT INTO shop_goods VALUES (7, ?, ?)", {stock, stock});
        redis.command({"SET", "shop:rest:7", std::to_string(stock)});
        redis.command({"ACL", "SETUSER", "reader", "on", ">pw", "~*", "resetchannels", "+@read",
                       "+auth", "-keys"});
        const RedisAddress at = parse_redis_url(shared_lab().redis_url());
        scenario = {{"name", "shop"},
                    {"campaign", {{"id", 7}, {"stock", stock}}},
                    {"target",
                     {{"mysql",
                       {{"url", shared_lab().auditor_url()},
                        {"claims",
                         "SELECT uid AS user, id AS claim_id FROM shop_orders "
                         "WHERE sku = {campaign} AND state = 1"},
                        {"stock",
                         "SELECT total AS stock, rest AS remaining FROM shop_goods "
                         "WHERE sku = {campaign}"}}},
                      {"redis",
                       {{"url", "redis://reader:pw@127.0.0.1:" + std::to_string(at.port)},
                        {"remaining", {"GET", "shop:rest:{campaign}"}},
                        {"users", {{"set", "shop:done:{campaign}"}}},
                        {"locks", {"shop:lock:{campaign}:*"}}}}}},
                    {"settle", {{"quiet", "10ms"}, {"timeout", "2s"}}}};
    }
    ~Shop() { drop(); }
    Shop(const Shop&) = delete;
    Shop& operator=(const Shop&) = delete;

    void drop() {
        mysql.execute_text("DROP TABLE IF EXISTS shop_orders, shop_goods");
        redis.command({"DEL", "shop:rest:7", "shop:done:7", "shop:lock:7:x"});
    }
    /// A sale as a sound service makes it.
    void sell(const std::string& user) {
        mysql.execute("INSERT INTO shop_orders (sku, uid) VALUES (7, ?)", {user});
        mysql.execute_text("UPDATE shop_goods SET rest = rest - 1 WHERE sku = 7");
        redis.command({"DECR", "shop:rest:7"});
        redis.command({"SADD", "shop:done:7", user});
    }
    Ended audit(std::vector<std::string> more = {}) {
        spill(folder.path / "s.json", scenario.dump());
        std::vector<std::string> arguments = {"audit", "s.json"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return program.claimstorm(arguments);
    }
    json result(std::vector<std::string> more = {}) {
        more.emplace_back("--json");
        const Ended ended = audit(more);
        INFO(ended.err);
        REQUIRE(!ended.out.empty());
        json result = json::parse(ended.out);
        result["exit"] = ended.status;
        return result;
    }
};

json named(const json& list, const std::string& name) {
    for (const json& one : list) {
        if (one.at("name") == name) return one;
    }
    return {{"verdict", "not there"}, {"summary", ""}};
}

std::string check_of(const json& result, const std::string& name) {
    return named(result.at("checks"), name).at("verdict");
}

std::string summary_of(const json& result, const std::string& name) {
    return named(result.at("checks"), name).at("summary");
}

/// What the server itself has counted, by name.
std::map<std::string, std::string> counters_of(MysqlConnection& mysql) {
    std::map<std::string, std::string> counters;
    for (const MysqlRecord& row : mysql.query("SHOW GLOBAL STATUS")) {
        counters[row.text(0)] = row.text(1);
    }
    return counters;
}

/// The commands a Redis has served since its statistics were reset: "get", "config|resetstat" …
std::set<std::string> commands_served(RedisConnection& redis) {
    std::istringstream info(redis.command({"INFO", "commandstats"}).text());
    std::set<std::string> commands;
    constexpr std::string_view kPrefix = "cmdstat_";
    for (std::string line; std::getline(info, line);) {
        if (!line.starts_with(kPrefix)) continue;
        commands.insert(line.substr(kPrefix.size(), line.find(':') - kPrefix.size()));
    }
    return commands;
}

}  // namespace

TEST_CASE("stores alone are judged as far as they tell, what needs a history is skipped") {
    Shop shop(2);
    for (const char* user : {"a", "b", "a"}) shop.sell(user);
    shop.redis.command({"SET", "shop:lock:7:x", "1"});
    const json result = shop.result();
    CHECK(result.at("exit") == 1);
    CHECK(check_of(result, "oversell") == "violated");
    CHECK(check_of(result, "duplicate_users") == "violated");
    CHECK(check_of(result, "over_decrement") == "violated");
    CHECK(check_of(result, "stuck_lock") == "violated");
    CHECK(check_of(result, "cache_drift") == "holds");
    CHECK(check_of(result, "database_drift") == "holds");
    CHECK(check_of(result, "user_set_drift") == "holds");
    for (const char* name :
         {"promised_oversell", "lost_claims", "phantom_claims", "false_sold_out", "undersell"}) {
        INFO(name);
        CHECK(check_of(result, name) == "skipped");
        CHECK(summary_of(result, name) == "there is no history: the stores were audited alone");
    }
    CHECK(result.at("gates").empty());
    CHECK(result.at("notes").at(0).get<std::string>().find("no baseline") == 0);
}

TEST_CASE("stores in order hold, and the kept folder is judged again to the same result") {
    Shop shop(3);
    shop.sell("a");
    shop.sell("b");
    const Ended kept = shop.audit({"--json", "-o", "kept"});
    CHECK(kept.status == 0);
    const Ended again = shop.program.claimstorm({"check", "kept", "--json"});
    CHECK(again.status == 0);
    CHECK(again.out == kept.out);
    CHECK(slurp(shop.folder.path / "kept" / "scenario.json").find("pw") == std::string::npos);
    CHECK(shop.audit({"-o", "kept"}).status == 2);
}

TEST_CASE("with a run its history is held against the stores of now") {
    Shop shop(3);
    shop.sell("a");
    shop.sell("stranger");
    spill(shop.folder.path / "log.ndjson",
          R"({"user":"a","sent_ns":0,"done_ns":5,"outcome":"granted","claim_id":"1"})"
          "\n"
          R"({"user":"b","sent_ns":0,"done_ns":5,"outcome":"granted","claim_id":"9"})"
          "\n");
    spill(shop.folder.path / "s.json", shop.scenario.dump());
    REQUIRE(
        shop.program
            .claimstorm({"history", "import", "log.ndjson", "--scenario", "s.json", "-o", "run"})
            .status == 0);
    const json result = shop.result({"--run", "run", "-o", "audited"});
    CHECK(result.at("exit") == 1);
    CHECK(check_of(result, "lost_claims") == "violated");
    CHECK(check_of(result, "phantom_claims") == "violated");
    const Ended again = shop.program.claimstorm({"check", "audited", "--json"});
    json second = json::parse(again.out);
    second["exit"] = again.status;
    CHECK(second == result);

    shop.scenario["campaign"]["id"] = 8;
    const Ended other = shop.audit({"--run", "run"});
    CHECK(other.status == 2);
    CHECK(other.complained_in_one_line());
    CHECK(other.err.find("campaign 7") != std::string::npos);
}

TEST_CASE("a run's baseline is used where it has one") {
    Shop shop(3);
    shop.sell("old");
    const Ended first = shop.audit({"-q", "-o", "first"});
    CHECK(first.status == 0);
    json evidence = json::parse(slurp(shop.folder.path / "first" / "evidence.json"));
    CHECK(evidence.at("has_baseline") == false);
    evidence.erase("has_baseline");
    spill(shop.folder.path / "first" / "evidence.json", evidence.dump());
    const json result = shop.result({"--run", "first"});
    CHECK(result.at("exit") == 0);
    CHECK(result.at("notes").empty());
}

TEST_CASE("stores that still move are inconclusive, whatever they show") {
    Shop shop(3);
    shop.scenario["settle"] = {{"quiet", "20ms"}, {"timeout", "300ms"}};
    std::atomic<bool> done{false};
    std::thread seller([&done] {
        MysqlConnection mysql(parse_mysql_url(shared_lab().mysql_url()));
        while (!done) {
            mysql.execute_text("INSERT INTO shop_orders (sku, uid) VALUES (7, 'x')");
            ::usleep(2000);
        }
    });
    const json result = shop.result();
    done = true;
    seller.join();
    CHECK(result.at("exit") == 4);
    CHECK(check_of(result, "oversell") == "inconclusive");
    CHECK(summary_of(result, "oversell").find("had not settled: the stores still change") !=
          std::string::npos);
}

TEST_CASE("Ctrl-C ends an audit that waits, without a verdict and without a folder") {
    Shop shop(3);
    shop.scenario["settle"] = {{"quiet", "30s"}, {"timeout", "60s"}};
    spill(shop.folder.path / "s.json", shop.scenario.dump());
    ChildProcess audit = shop.program.start({CLAIMSTORM_PROGRAM, "audit", "s.json", "-o", "kept"});
    REQUIRE(eventually(
        [&] { return shop.program.err_so_far().find("reading the stores") != std::string::npos; }));
    audit.send(SIGINT);
    const Ended ended = shop.program.finish(audit);
    CHECK(ended.status == 130);
    CHECK(ended.out.empty());
    CHECK_FALSE(fs::exists(shop.folder.path / "kept"));
}

TEST_CASE("a store that cannot be reached ends the audit, a query that fails names itself") {
    Shop shop(3);
    const json sound = shop.scenario;
    const auto refused = [&](const char* pointer, const json& value, int status,
                             const std::string& what) {
        shop.scenario = sound;
        shop.scenario[json::json_pointer(pointer)] = value;
        const Ended ended = shop.audit({"-q"});
        INFO(ended.err);
        CHECK(ended.status == status);
        CHECK(ended.complained_in_one_line());
        CHECK(ended.err.find(what) != std::string::npos);
    };
    refused("/target/mysql/url", "mysql://root@127.0.0.1:1/x", 3, "127.0.0.1:1");
    refused("/target/redis/url", "redis://127.0.0.1:1", 3, "127.0.0.1:1");
    refused("/target", {{"reference", {{"flow", "coupon/naive"}}}}, 2, "nothing is left to audit");
    refused("/target", {{"mysql", {{"url", "mysql://x"}, {"claim", "SELECT 1"}}}}, 2,
            "did you mean 'claims'");
    shop.scenario = sound;
    shop.scenario.erase("target");
    CHECK(shop.audit().status == 2);

    shop.scenario = sound;
    shop.scenario["target"]["mysql"]["claims"] = "SELECT uid AS user FROM nowhere";
    const json result = shop.result();
    CHECK(result.at("exit") == 4);
    CHECK(check_of(result, "oversell") == "inconclusive");
    CHECK(summary_of(result, "oversell").find("mysql.claims: MySQL says 1146") !=
          std::string::npos);
    CHECK(check_of(result, "over_decrement") == "inconclusive");
}

TEST_CASE("a column that is NULL in some rows only is named, and its number not guessed at") {
    Shop shop(3);
    for (const char* user : {"u1", "u2", "u3"}) shop.sell(user);
    shop.scenario["target"]["mysql"]["claims"] =
        "SELECT uid AS user, IF(id = 1, NULL, id) AS claim_id, NULLIF(id, 2) AS ticket, "
        "IF(id = 3, 100, NULL) AS amount_cents FROM shop_orders WHERE sku = {campaign}";
    const json result = shop.result();
    INFO(result.dump());
    const json& notes = result.at("notes");
    const auto noted = [&notes](const std::string& note) {
        return std::any_of(notes.begin(), notes.end(), [&](const json& one) {
            return one.get<std::string>().find(note) != std::string::npos;
        });
    };
    CHECK(noted("mysql.claims: 1 of 3 rows has no claim id: the column claim_id is NULL"));
    CHECK(noted(
        "mysql.claims: 1 of 3 rows has no ticket: the column ticket is NULL or missing there"));
    CHECK(noted("mysql.claims: 2 of 3 rows have no amount: the column amount_cents is NULL"));
    CHECK(summary_of(result, "tickets") == "2 tickets, the highest 3; 1 of 3 rows has no ticket");
    CHECK(check_of(result, "amounts") == "inconclusive");
    // Where no row carries it, nothing is amiss.
    shop.scenario["target"]["mysql"]["claims"] =
        "SELECT uid AS user, id AS claim_id, NULL AS ticket FROM shop_orders WHERE sku = "
        "{campaign}";
    CHECK(shop.result().at("notes").dump().find("ticket") == std::string::npos);
}

TEST_CASE("stores without a url of their own are read where each query says") {
    Shop shop(3);
    shop.sell("u1");
    json& target = shop.scenario["target"];
    const json mysql = target["mysql"];
    const json redis = target["redis"];
    target["mysql"] = {{"claims", {{"url", mysql["url"]}, {"sql", mysql["claims"]}}},
                       {"stock", {{"url", mysql["url"]}, {"sql", mysql["stock"]}}}};
    target["redis"] = {
        {"remaining", {{"url", redis["url"]}, {"command", redis["remaining"]}}},
        {"users", {{"url", redis["url"]}, {"set", redis["users"]["set"]}}},
        {"locks", json::array({{{"url", redis["url"]}, {"pattern", redis["locks"][0]}}})}};
    const json result = shop.result();
    INFO(result.dump());
    CHECK(result.at("exit") == 0);
    for (const char* check : {"oversell", "cache_drift", "user_set_drift", "stuck_lock"}) {
        CHECK(check_of(result, check) == "holds");
    }
    target["mysql"]["stock"] = mysql["stock"];
    const Ended refused = shop.audit();
    CHECK(refused.status == 2);
    CHECK(refused.complained_in_one_line());
    CHECK(refused.err.find("/target/mysql/stock: nothing says where this is read") !=
          std::string::npos);
}

TEST_CASE("a run folder whose evidence is broken is judged by its history, and never green") {
    Shop shop(3);
    shop.sell("a");
    CHECK(shop.audit({"-q", "-o", "run"}).status == 0);
    const fs::path run = shop.folder.path / "run";
    const std::string evidence = slurp(run / "evidence.json");
    const std::string ledger = slurp(run / "ledger.bin");
    const auto check = [&] {
        const Ended ended = shop.program.claimstorm({"check", "run", "--json"});
        INFO(ended.err);
        CHECK(ended.status == 4);
        return json::parse(ended.out);
    };
    spill(run / "evidence.json", evidence.substr(0, evidence.size() / 2));
    CHECK(named(check().at("gates"), "audit_done")
              .at("summary")
              .get<std::string>()
              .find("evidence.json:") != std::string::npos);
    spill(run / "evidence.json", evidence);
    std::string flipped = ledger;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    spill(run / "ledger.bin", flipped);
    CHECK(summary_of(check(), "oversell").find("could not be read: ledger.bin: ") !=
          std::string::npos);
    fs::remove(run / "ledger.bin");
    CHECK(summary_of(check(), "oversell").find("ledger.bin: cannot read") != std::string::npos);
    spill(run / "ledger.bin", ledger);
    CHECK(shop.program.claimstorm({"check", "run", "-q"}).status == 0);
}

TEST_CASE("a target of stores alone is never fired at") {
    Shop shop(3);
    shop.scenario["storm"] = {{"users", 3}};
    spill(shop.folder.path / "s.json", shop.scenario.dump());
    const Ended ended = shop.program.claimstorm({"run", "s.json"});
    CHECK(ended.status == 2);
    CHECK(ended.err.find("stores and no service") != std::string::npos);
    const Ended probed = shop.program.claimstorm({"probe", "s.json"});
    CHECK(probed.status == 0);
    CHECK(probed.out.find("nothing was claimed") != std::string::npos);
}

TEST_CASE("a required check that is skipped makes the audit inconclusive, and check too") {
    Shop shop(3);
    shop.sell("a");
    CHECK(shop.audit({"-q"}).status == 0);
    const json result = shop.result({"--require", "tickets", "--require", "oversell"});
    CHECK(result.at("exit") == 4);
    CHECK(check_of(result, "tickets") == "skipped");
    const json gate = named(result.at("gates"), "required_checks");
    CHECK(gate.at("verdict") == "inconclusive");
    CHECK(gate.at("summary") == "required and yet skipped: tickets");
    CHECK(named(shop.result({"--require", "oversell"}).at("gates"), "required_checks")
              .at("verdict") == "holds");

    shop.scenario["require"] = {"payouts"};
    shop.scenario["checks"] = {"oversell"};
    const json filed = shop.result({"-o", "kept"});
    CHECK(filed.at("exit") == 4);
    CHECK(check_of(filed, "payouts") == "skipped");
    CHECK(check_of(filed, "tickets") == "not there");
    CHECK(shop.program.claimstorm({"check", "kept", "-q"}).status == 4);
    shop.scenario.erase("require");
    CHECK(shop.audit({"-q", "-o", "plain"}).status == 0);
    CHECK(shop.program.claimstorm({"check", "plain", "-q"}).status == 0);
    CHECK(shop.program.claimstorm({"check", "plain", "-q", "--require", "payouts"}).status == 4);

    const Ended unknown = shop.audit({"--require", "tickts"});
    CHECK(unknown.status == 2);
    CHECK(unknown.complained_in_one_line());
    CHECK(unknown.err.find("did you mean 'tickets'") != std::string::npos);
}

TEST_CASE("an audit reads and nothing else, by the servers' own count, past locked rows") {
    Shop shop(3);
    shop.sell("a");
    shop.sell("b");
    MysqlConnection holder(parse_mysql_url(shared_lab().mysql_url()));
    holder.execute_text("START TRANSACTION");
    holder.query("SELECT * FROM shop_orders FOR UPDATE");
    holder.query("SELECT * FROM shop_goods FOR UPDATE");
    shop.redis.command({"CONFIG", "RESETSTAT"});
    const auto before = counters_of(shop.mysql);
    CHECK(shop.audit({"-q"}).status == 0);
    const auto after = counters_of(shop.mysql);
    holder.execute_text("ROLLBACK");

    std::set<std::string> statements;
    for (const auto& [name, value] : after) {
        if (name.starts_with("Com_") && before.at(name) != value) statements.insert(name);
        const bool must_stay = name.starts_with("Innodb_row_lock") || name == "Handler_write" ||
                               name == "Handler_update" || name == "Handler_delete" ||
                               name == "Table_locks_waited";
        if (!must_stay) continue;
        INFO(name);
        CHECK(before.at(name) == value);
    }
    const std::set<std::string> reading = {
        "Com_select",       "Com_show_status",  "Com_begin",      "Com_rollback",  "Com_stmt_close",
        "Com_stmt_execute", "Com_stmt_prepare", "Com_set_option", "Com_stmt_reset"};
    CHECK(statements.count("Com_select") == 1);
    for (const std::string& statement : statements) {
        INFO(statement);
        CHECK(reading.count(statement) == 1);
    }

    const std::set<std::string> commands = commands_served(shop.redis);
    CHECK(commands.count("get") == 1);
    CHECK(commands.count("sscan") == 1);
    CHECK(commands.count("scan") == 1);
    CHECK(commands.count("keys") == 0);
    for (const std::string& command : commands) {
        if (command.find('|') != std::string::npos) continue;  // the test's own RESETSTAT
        INFO(command);
        const Reply about = shop.redis.command({"COMMAND", "INFO", command});
        for (const Reply& flag : about.elements().at(0).elements().at(2).elements()) {
            CHECK(flag.text() != "write");
        }
    }
}
