#include <functional>
#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "checkers/check.h"
#include "model/error.h"
#include "scenarios/catalog.h"
#include "scenarios/gates.h"
#include "scenarios/scenario_file.h"
#include "scenarios/target_file.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;

namespace {

constexpr const char* kTarget = R"({
    "base_url": "http://127.0.0.1:3000",
    "claim": { "path": "/sk/{campaign}", "headers": { "Authorization": "Bearer {user}" },
               "body": { "uid": "{user}" } },
    "outcomes": [ { "status": 200, "json": { "/code": 0 }, "is": "granted" } ],
    "prepare": [ { "sql": "DELETE FROM t WHERE c = {campaign}" },
                 { "redis": ["SET", "s:{campaign}", "{stock}"] } ],
    "mysql": { "url": "mysql://me:secret@127.0.0.1/db",
               "claims": "SELECT uid AS user FROM t WHERE c = {campaign}",
               "payouts": "SELECT claim_id, amount_cents FROM p WHERE c = {campaign}" },
    "redis": { "url": "redis://:secret2@127.0.0.1", "remaining": ["GET", "s:{campaign}"] }
})";

json scenario_document() {
    return {{"name", "n"},
            {"target", json::parse(kTarget)},
            {"campaign", {{"stock", 10}}},
            {"storm", {{"users", 20}}}};
}

Scenario read(const json& document) {
    return read_scenario(JsonPlace(document, "f.json"), ".");
}

std::string error_of(const json& document) {
    try {
        read(document);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

/// The error when the value at `pointer` is replaced.
std::string error_with(const char* pointer, const json& value) {
    json document = scenario_document();
    document[json::json_pointer(pointer)] = value;
    return error_of(document);
}

std::string text_error(const std::string& text) {
    try {
        parse_json_text(text, "f.json");
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("what is not JSON is told with line and column, and comments are allowed") {
    CHECK(text_error("{\n  \"a\": 1,\n  b\n}").starts_with("f.json:3:3: not JSON: "));
    CHECK(text_error("").starts_with("f.json:1:1: not JSON: "));
    CHECK(text_error("{ \"a\": 1 } x").starts_with("f.json:1:12: not JSON: "));
    CHECK(text_error("// hello\n{ /* there */ \"a\": 1 }") == "no error");
    CHECK(text_error(R"({"a": {"x": 1, "y": 2, "x": 3}})") ==
          "f.json: the key 'x' stands twice in one object");
    CHECK(text_error(R"({"a": {"x": 1}, "b": {"x": 3}})") == "no error");
    CHECK(text_error(std::string(100'000, '[')).starts_with("f.json:1:"));
    CHECK(text_error(std::string(100, '[') + std::string(100, ']')) ==
          "f.json: nested deeper than 64 levels");
}

TEST_CASE("an unknown key is refused with its place and a guess") {
    CHECK(error_with("/strom", 1) == "f.json: /: unknown key 'strom'; did you mean 'storm'?");
    CHECK(error_with("/storm/user", 1) ==
          "f.json: /storm: unknown key 'user'; did you mean 'users'?");
    CHECK(error_with("/target/claim/bodi", 1) ==
          "f.json: /target/claim: unknown key 'bodi'; did you mean 'body'?");
}

TEST_CASE("a wrong type or an impossible number is refused with its place") {
    CHECK(error_with("/campaign/stock", 0) ==
          "f.json: /campaign/stock: 0 is too small: at least 1");
    CHECK(error_with("/campaign/stock", -5) ==
          "f.json: /campaign/stock: -5 is too small: at least 1");
    CHECK(error_with("/storm/users", 0) ==
          "f.json: /storm/users: 0 is out of range: 1 to 100000000");
    CHECK(error_with("/storm/users", "many") ==
          "f.json: /storm/users: \"many\" is not a whole number; write it as 2000 or \"2k\"");
    CHECK(error_with("/storm/users", 1.5).find("not a whole number") != std::string::npos);
    CHECK(error_with("/storm/users", json::parse("18446744073709551615"))
              .find("not a whole number") != std::string::npos);
    CHECK(error_with("/storm", json::array()) ==
          "f.json: /storm: an object is wanted here, this is array");
    CHECK(error_with("/storm/timeout", 5) ==
          "f.json: /storm/timeout: 5 is not a duration; write it as \"500ms\", \"30s\" or \"5m\"");
    CHECK(error_with("/storm/timeout", "0").find("too short") != std::string::npos);
    CHECK(error_with("/storm/arrival", {{"rate", "0/s"}}).find("not a rate above 0") !=
          std::string::npos);
    CHECK(error_with("/storm/arrival", {{"burst", {{"gate", "last"}}}})
              .find("/storm/arrival/burst/gate") != std::string::npos);
    CHECK(error_with("/storm/double_click", {{"fraction", 1.5}}).find("out of range: 0 to 1") !=
          std::string::npos);
    CHECK(error_with("/name", "../x").find("f.json: /name: a name is made of") == 0);
    CHECK(error_with("/seed", -1).find("f.json: /seed") == 0);
    CHECK(error_with("/campaign/kind", "lottery").find("coupon or envelope") != std::string::npos);
    json document = scenario_document();
    document.erase("campaign");
    CHECK(error_of(document) == "f.json: /: the key 'campaign' is missing");
    CHECK(error_of(json::array()) == "f.json: /: an object is wanted here, this is array");
}

TEST_CASE("checks, gates and expectations must exist") {
    CHECK(error_with("/checks", {"oversel"}) ==
          "f.json: /checks/0: there is no check 'oversel'; did you mean 'oversell'?");
    CHECK(error_with("/checks", json::array()).find("checks nothing") != std::string::npos);
    CHECK(error_with("/gates", {{"latency_p99", "< 2"}}).find("did you mean 'latency_ms_p99'?") !=
          std::string::npos);
    CHECK(error_with("/gates", {{"latency_ms_p99", "< nan"}}).find("is not a limit") !=
          std::string::npos);
    CHECK(error_with("/gates", {{"latency_ms_p99", "about 2"}}).find("is not a limit") !=
          std::string::npos);
    CHECK(error_with("/expect", {{"violated", {"nothing"}}}).find("f.json: /expect/violated/0") ==
          0);
    json document = scenario_document();
    document["expect"] = {{"violated", {"oversell", "latency_ms_p99"}}};
    CHECK(read(document).expect->violated.size() == 2);
}

TEST_CASE("a target that could prove or reach nothing is refused") {
    CHECK(error_with("/target/base_url", "http://shop.example")
              .find("f.json: /target/base_url: the host 'shop.example' is not this machine") == 0);
    CHECK(error_with("/target/hosts_allowed", {"other"}).find("not in hosts_allowed (other)") !=
          std::string::npos);
    CHECK(error_with("/target/outcomes", json::array()).find("every answer would be unknown") !=
          std::string::npos);
    CHECK(error_with("/target/outcomes", {{{"status", 200}, {"is", "sold_out"}}})
              .find("no rule says \"granted\"") != std::string::npos);
    CHECK(error_with("/target/outcomes/0/is", "grantd").find("did you mean 'granted'?") !=
          std::string::npos);
    CHECK(error_with("/target/outcomes/0/is", "not_sent").find("is not an outcome") !=
          std::string::npos);
    CHECK(error_with("/target/users", {{"template", "same"}}).find("all users would be one") !=
          std::string::npos);
    CHECK(error_with("/target/claim/path", "sk").find("starts with '/'") != std::string::npos);
    CHECK(error_with("/target/claim/method", "FETCH").find("is not a method") != std::string::npos);
    CHECK(error_with("/target/claim/headers", {{"X", "a\r\nB: c"}}).find("line breaks") !=
          std::string::npos);
    CHECK(error_with("/target/claim/headers", {{"X Y", "a"}}).find("is not a header name") !=
          std::string::npos);
    CHECK(error_with("/target/claim/path", "/{usr}").find("did you mean {user}?") !=
          std::string::npos);
}

TEST_CASE("an audit only reads: what could write is refused in the file") {
    CHECK(error_with("/target/mysql/claims", "DELETE FROM t").find("must be a SELECT") !=
          std::string::npos);
    CHECK(error_with("/target/mysql/payouts", "DELETE FROM t").find("must be a SELECT") !=
          std::string::npos);
    CHECK(error_with("/target/mysql/claims", "SELECT 1 FROM t WHERE c = '{campaign}'")
              .find("write it without quotes") != std::string::npos);
    CHECK(error_with("/target/redis/remaining", {"SET", "a", "1"}).find("an audit only reads") !=
          std::string::npos);
    CHECK(error_with("/target/redis/remaining", {"get", "a"}) == "no error");
    CHECK(error_with("/target/mysql/url", "postgres://x").find("f.json: /target/mysql/url") == 0);
}

TEST_CASE("a counter is read by one command, or by several whose values are summed") {
    const auto redis_of = [](const json& remaining) {
        json document = scenario_document();
        document["target"]["redis"]["remaining"] = remaining;
        document["target"]["redis"]["backlog"] = remaining;
        const Scenario scenario = read(document);
        const Target& target = std::get<Target>(scenario.target);
        CHECK(target.evidence.redis->backlog == target.evidence.redis->remaining);
        const json saved = json::parse(target_to_json(target).dump());
        CHECK(saved["redis"]["remaining"] == remaining);
        CHECK(saved["redis"]["backlog"] == remaining);
        return target.evidence.redis->remaining;
    };
    CHECK(redis_of({"GET", "a"}) ==
          std::vector<RedisCounter>{RedisCounter{RedisCommand{"GET", "a"}}});
    CHECK(redis_of(json::parse(R"([["GET", "a"], ["LLEN", "b"]])")) ==
          std::vector<RedisCounter>{RedisCounter{RedisCommand{"GET", "a"}},
                                    RedisCounter{RedisCommand{"LLEN", "b"}}});
    const auto elsewhere = redis_of(json::parse(
        R"([["GET", "a"], {"url": "redis://10.0.0.2:6379/3", "command": ["LLEN", "b"]}])"));
    CHECK_FALSE(elsewhere.at(0).at);
    CHECK(elsewhere.at(1).at->host == "10.0.0.2");
    CHECK(error_with("/target/redis/remaining", json::array()).find("at least one word") !=
          std::string::npos);
    CHECK(error_with("/target/redis/remaining", json::parse(R"([["GET", "a"], []])"))
              .find("/target/redis/remaining/1: a Redis command has at least one word") !=
          std::string::npos);
    CHECK(error_with("/target/redis/remaining", json::parse(R"([["GET", "a"], "b"])"))
              .find("/target/redis/remaining/1") != std::string::npos);
    CHECK(error_with("/target/redis/backlog", json::parse(R"([["GET", "a"], ["DEL", "b"]])"))
              .find("/target/redis/backlog/1: an audit only reads") != std::string::npos);
}

TEST_CASE("users, locks and queries may lie in several places, and are saved as they were named") {
    const auto saves = [](const char* pointer, const char* text) {
        json document = scenario_document();
        const json value = json::parse(text);
        document[json::json_pointer(std::string("/target") + pointer)] = value;
        const Scenario scenario = read(document);
        const json saved = json::parse(target_to_json(std::get<Target>(scenario.target)).dump());
        INFO(saved.dump());
        return saved.at(json::json_pointer(pointer)) == value;
    };
    CHECK(saves("/redis/users", R"({"set": "s:{campaign}"})"));
    CHECK(saves("/redis/users", R"({"keys": "done:{campaign}:{user}"})"));
    CHECK(saves("/redis/users", R"({"bitmap": "b", "user": "m{n}", "first": 1})"));
    CHECK(saves("/redis/users",
                R"([{"zset": "a"}, {"hash": "b", "url": "redis://10.0.0.2:6379/1"}])"));
    CHECK(
        saves("/redis/locks", R"(["l:*", {"url": "redis://10.0.0.2:6379/1", "pattern": "m:*"}])"));
    CHECK(saves("/mysql/claims", R"(["SELECT 1 AS user", "SELECT 2 AS user"])"));
    CHECK(saves("/mysql/stock", R"([{"url": "mysql://a@10.0.0.2:3306/b?tls=verify&ca=/ca.pem",)"
                                R"( "sql": "SELECT 1 AS stock"}, "SELECT 2 AS stock"])"));
    // What a bit stands for is the target's users, unless it says so itself.
    json document = scenario_document();
    document["target"]["users"]["template"] = "member-{n}";
    document["target"]["redis"]["users"] = {{"bitmap", "b"}};
    const Scenario scenario = read(document);
    const auto& users = std::get<Target>(scenario.target).evidence.redis->users.front();
    CHECK(users.user == "member-{n}");
    CHECK(users.first == 0);
}

TEST_CASE("a shape of evidence that cannot be meant is refused with its place") {
    const auto says = [](const char* pointer, const char* text, const std::string& what) {
        const std::string error = error_with(pointer, json::parse(text));
        INFO(error);
        CHECK(error.find(what) != std::string::npos);
    };
    const char* users = "/target/redis/users";
    says(users, R"({"set": "a", "hash": "b"})",
         "one of set, hash, zset, bitmap and keys is wanted");
    says(users, R"({"bitmp": "a"})", "unknown key 'bitmp'; did you mean 'bitmap'?");
    says(users, R"({"keys": "done:{campaign}"})", "{user} must stand in it once");
    says(users, R"({"keys": "{user}:{user}"})", "{user} must stand in it once");
    says(users, R"({"set": "done:{user}"})", "{user}");
    says(users, R"({"bitmap": "b", "user": "u"})", "without {n} all bits would be one user");
    says(users, R"({"set": "s", "first": 1})", "say what the bits of a bitmap stand for");
    says(users, R"([])", "an empty list reads nothing");
    says("/target/redis/locks", R"([{"patern": "l"}])", "did you mean 'pattern'?");
    says("/target/redis/remaining", R"({"command": ["GET", "a"], "uri": "x"})",
         "did you mean 'url'?");
    says("/target/redis/remaining", R"({"command": ["SET", "a"], "url": "redis://h"})",
         "/target/redis/remaining/command: an audit only reads");
    says("/target/redis/url", R"("rediss://h")", "asks for TLS, which is not offered");
    says("/target/mysql/claims", R"([])", "an empty list reads nothing");
    says("/target/mysql/claims", R"([{"url": "mysql://h"}])", "/target/mysql/claims/0");
    says("/target/mysql/stock", R"(["SELECT 1 AS stock", "UPDATE t SET a = 1"])",
         "/target/mysql/stock/1: an audit only reads");
    says("/target/mysql/url", R"("mysql://h/d?tls=maybe")", "none of off, on, verify");
    says("/target/mysql/url", R"("mysql://h/d?tls=on&ca=/x")", "with ca goes tls=verify");
    says("/target/mysql/url", R"("mysql://h/d?tl=on")", "did you mean 'tls'?");
}

TEST_CASE("what a campaign promises of its money and its numbers is read and saved") {
    const Campaign plain = read(scenario_document()).campaign;
    CHECK(plain.min_cents == 1);
    CHECK_FALSE(plain.whole_budget);
    CHECK_FALSE(plain.gap_free_tickets);
    CHECK_FALSE(plain.ordered_tickets);
    CHECK_FALSE(plain.duplicates_first);
    json document = scenario_document();
    document["campaign"] = {{"stock", 10},
                            {"kind", "envelope"},
                            {"budget_cents", 1000},
                            {"min_cents", 5},
                            {"whole_budget", true},
                            {"gap_free_tickets", true},
                            {"ordered_tickets", true},
                            {"duplicates_first", true}};
    const json saved = json::parse(scenario_to_json(read(document), 1).dump());
    const Campaign again = read_scenario(JsonPlace(saved, "saved"), ".").campaign;
    CHECK(again.min_cents == 5);
    CHECK(again.whole_budget);
    CHECK(again.gap_free_tickets);
    CHECK(again.ordered_tickets);
    CHECK(again.duplicates_first);
    CHECK(error_with("/campaign/min_cents", -1).find("at least 0") != std::string::npos);
    CHECK(error_with("/campaign/min_cents", 0) == "no error");
    CHECK(error_with("/campaign/whole_budget", 1).find("/campaign/whole_budget") !=
          std::string::npos);
    CHECK(error_with("/campaign/whole_budget", true) ==
          "f.json: /campaign/whole_budget: there is no budget that could be spent: add "
          "budget_cents");
}

TEST_CASE("a rate that one thread can keep is kept by one, unless the scenario says otherwise") {
    const auto threads_with = [](const json& arrival, const json& threads = nullptr) {
        json document = scenario_document();
        document["storm"]["arrival"] = arrival;
        if (!threads.is_null()) document["storm"]["threads"] = threads;
        return read(document).storm.threads;
    };
    CHECK(threads_with({{"rate", "50k/s"}}) == 1);
    CHECK(threads_with({{"rate", "51k/s"}}) == 2);
    CHECK(threads_with({{"poisson", "100/s"}}) == 1);
    CHECK(threads_with({{"stages", "1s@100k,1s@1"}}) == 2);
    CHECK(threads_with({{"stages", "1s@100,1m@5k"}}) == 1);
    CHECK(threads_with({{"burst", {{"gate", "full"}}}}) == 2);
    CHECK(threads_with({{"rate", "100/s"}}, 3) == 3);
}

TEST_CASE("a secret header is saved as far as its secrets stand in the users' file") {
    json document = scenario_document();
    const auto saved_as = [&document](const std::string& value) {
        document["target"]["claim"]["headers"] = {{"Cookie", value}};
        const json saved = json::parse(scenario_to_json(read(document), 42).dump());
        return saved["target"]["claim"]["headers"]["Cookie"].get<std::string>();
    };
    for (const char* kept : {"{user}", "Bearer {user}", "s={user}", "s={user}; c={campaign}"}) {
        CHECK(saved_as(kept) == kept);
    }
    for (const char* hidden :
         {"Bearer abc", "abc{user}", "{user}abc", "s=abc; u={user}", "Bearer abc {user}", ""}) {
        CHECK(saved_as(hidden) == "***");
    }
}

TEST_CASE("a scenario reads back from the JSON it is saved as, without its secrets") {
    json document = scenario_document();
    document["target"]["claim"]["headers"]["Authorization"] = "Bearer secret";
    document["storm"]["arrival"] = {{"rate", "1.5k/s"}};
    document["storm"]["double_click"] = {{"fraction", 0.2}, {"within", "5ms"}};
    document["gates"] = {{"unknown_rate", "< 0.01"}};
    document["expect"] = {{"violated", {"oversell"}}};
    const Scenario scenario = read(document);
    const std::string saved = scenario_to_json(scenario, 42).dump();
    CHECK(saved.find("secret") == std::string::npos);
    CHECK(saved.find("Bearer") == std::string::npos);
    CHECK(saved.find("***") != std::string::npos);
    const json again = json::parse(saved);
    const Scenario second = read_scenario(JsonPlace(again, "saved"), ".");
    CHECK(std::get<Target>(second.target)
              .evidence.mysql->payouts.front()
              .sql.starts_with("SELECT claim_id"));
    CHECK(scenario_to_json(second, 42).dump() == saved);
    CHECK(second.seed == 42);
    CHECK(std::get<ConstantRate>(second.storm.arrival).per_second == 1500);
    CHECK(second.storm.double_click->copies == 2);
    CHECK(second.storm.connections == 20);
}

TEST_CASE("a scenario finds its target file beside itself") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder.path / "targets");
    spill(folder.path / "targets" / "t.json", kTarget);
    json document = scenario_document();
    document["target"] = "targets/t.json";
    spill(folder.path / "s.json", document.dump());
    const Scenario scenario = load_scenario((folder.path / "s.json").string());
    CHECK(std::get<Target>(scenario.target).endpoint.base_url == "http://127.0.0.1:3000");
    document["target"] = "targets/missing.json";
    spill(folder.path / "s.json", document.dump());
    CHECK_THROWS_WITH(load_scenario((folder.path / "s.json").string()),
                      Catch::Contains("targets/missing.json' cannot be read"));
}

TEST_CASE("a scenario that is neither a file nor bundled is refused with a guess") {
    CHECK_THROWS_WITH(load_scenario("coupon-naiv"),
                      Catch::Contains("did you mean 'coupon-naive'?"));
    CHECK_THROWS_AS(load_scenario("/nonexistent/x.json"), UsageError);
    CHECK_THROWS_WITH(load_scenario("/tmp"), Catch::Contains("is a folder"));
}

TEST_CASE("every bundled scenario loads, and is named like its file") {
    CHECK(bundled_scenarios().size() >= 4);
    for (const BundledScenario& bundled : bundled_scenarios()) {
        INFO(bundled.name);
        const Scenario scenario = load_scenario(std::string(bundled.name));
        CHECK(scenario.name == bundled.name);
        CHECK_FALSE(scenario.about.empty());
    }
}

TEST_CASE("the schema names exactly the keys that the loader takes") {
    const json schema = json::parse(
        slurp(std::filesystem::path(CLAIMSTORM_SOURCE_DIR) / "scenarios" / "scenario.schema.json"));
    const std::function<std::set<std::string>(const json&)> keys_of = [](const json& object) {
        std::set<std::string> keys;
        for (const auto& [key, value] : object.at("properties").items()) keys.insert(key);
        CHECK(object.at("additionalProperties") == false);
        return keys;
    };
    const auto loader_keys = [](const char* pointer) {
        // The loader lists what it knows when a key is like none of them.
        const std::string at = std::string(pointer) + "/zzzzzzzzzzzzzzzzzzzz";
        const std::string message = error_with(at.c_str(), 1);
        std::set<std::string> keys;
        const std::string list = message.substr(message.find("known here are: ") + 16);
        const std::regex word("[a-z_]+");
        for (std::sregex_iterator i(list.begin(), list.end(), word), end; i != end; ++i) {
            keys.insert(i->str());
        }
        return keys;
    };
    const json& definitions = schema.at("definitions");
    CHECK(keys_of(schema) == loader_keys(""));
    CHECK(keys_of(definitions.at("campaign")) == loader_keys("/campaign"));
    CHECK(keys_of(definitions.at("storm")) == loader_keys("/storm"));
    CHECK(keys_of(definitions.at("target")) == loader_keys("/target"));
    CHECK(keys_of(definitions.at("target").at("properties").at("tls")) ==
          loader_keys("/target/tls"));
    CHECK(keys_of(definitions.at("request")) == loader_keys("/target/claim"));
    CHECK(keys_of(definitions.at("outcome_rule")) == loader_keys("/target/outcomes/0"));
    CHECK(keys_of(definitions.at("mysql")) == loader_keys("/target/mysql"));
    CHECK(keys_of(definitions.at("redis")) == loader_keys("/target/redis"));
    CHECK(keys_of(definitions.at("redis_users")) == loader_keys("/target/redis/users"));
    CHECK(keys_of(definitions.at("prepare_step")) == loader_keys("/target/prepare/0"));
    std::set<std::string> checks;
    for (const json& name : definitions.at("check_name").at("enum")) checks.insert(name);
    CHECK(checks.size() == all_checks().size());
    for (const Check& check : all_checks()) CHECK(checks.count(std::string(check.name)) == 1);
    std::set<std::string> gates;
    for (const auto& [name, limit] : definitions.at("gates").at("properties").items())
        gates.insert(name);
    CHECK(gates.size() == gate_names().size());
    for (const std::string_view name : gate_names()) CHECK(gates.count(std::string(name)) == 1);
}
