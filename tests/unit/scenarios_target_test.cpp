#include <regex>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "scenarios/target_file.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;

namespace {

json target_document() {
    return json::parse(R"({
        "base_url": "http://127.0.0.1:3000",
        "claim": { "path": "/sk/{campaign}", "body": { "uid": "{user}" } },
        "outcomes": [ { "status": 200, "is": "granted" } ]
    })");
}

Target read(const json& document) {
    return read_target(JsonPlace(document, "t.json"));
}

json with(const char* pointer, const json& value) {
    json document = target_document();
    document[json::json_pointer(pointer)] = value;
    return document;
}

std::string error_with(const char* pointer, const json& value) {
    try {
        read(with(pointer, value));
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

/// What a target that was read is saved as; and that it reads back as the same.
json saved_with(const char* pointer, const json& value) {
    const json saved = json::parse(target_to_json(read(with(pointer, value))).dump());
    CHECK(json::parse(target_to_json(read(saved)).dump()) == saved);
    return saved.at(json::json_pointer(pointer));
}

}  // namespace

TEST_CASE("a rule's status is a number, a class, or a list of these") {
    const char* at = "/outcomes/0/status";
    for (const char* status : {"200", "\"2xx\"", "[200, \"4xx\", 503]"}) {
        CHECK(saved_with(at, json::parse(status)) == json::parse(status));
    }
    CHECK(saved_with(at, "404") == 404);
    CHECK(saved_with(at, json::parse("[\"5XX\"]")) == "5xx");
    const StatusSet set = read(with(at, json::parse("[200, \"4xx\"]"))).endpoint.outcomes[0].status;
    CHECK(set.contains(499));
    CHECK_FALSE(set.contains(201));
    CHECK(error_with(at, 99) == "t.json: /outcomes/0/status: 99 is out of range: 100 to 599");
    CHECK(error_with(at, "9xx").find("t.json: /outcomes/0/status: '9xx' is not a status") == 0);
    CHECK(error_with(at, "2x").find("is not a status") != std::string::npos);
    CHECK(error_with(at, json::parse("[200, \"x\"]")).find("/outcomes/0/status/1: ") !=
          std::string::npos);
    CHECK(error_with(at, json::array()).find("fits no status") != std::string::npos);
    CHECK(error_with(at, true).find("t.json: /outcomes/0/status: ") == 0);
}

TEST_CASE("a field is a pointer, an expression, a header, or a part of one") {
    for (const char* source :
         {R"x("/data/id")x", R"x({"regex": "order=(\\d+)"})x", R"x({"header": "Location"})x",
          R"x({"header": "Location", "regex": "/orders/(\\d+)"})x"}) {
        INFO(source);
        CHECK(saved_with("/fields/claim_id", json::parse(source)) == json::parse(source));
        CHECK(saved_with("/fields/amount", json::parse(source)) == json::parse(source));
    }
    CHECK(error_with("/fields/ticket", {{"regex", "\\d+"}}).find("t.json: /fields/ticket: ") == 0);
    CHECK(error_with("/fields/ticket", {{"regex", "\\d+"}}).find("has no group") !=
          std::string::npos);
    CHECK(error_with("/fields/ticket", {{"regex", "("}}).find("is not a regular expression") !=
          std::string::npos);
    CHECK(error_with("/fields/ticket", "id") ==
          "t.json: /fields/ticket: 'id' is not a JSON pointer; it starts with '/', as in "
          "\"/data/id\"");
    CHECK(error_with("/fields/ticket", {{"regexp", "(x)"}}).find("did you mean 'regex'?") !=
          std::string::npos);
    CHECK(error_with("/fields/ticket", json::object()).find("one of regex and header") !=
          std::string::npos);
    CHECK(error_with("/fields/ticket", {{"header", "X Y"}}) ==
          "t.json: /fields/ticket/header: 'X Y' is not a header name");
    CHECK(error_with("/fields/ticket", 5).find("is wanted here") != std::string::npos);
    CHECK(error_with("/fields", {{"amount", "/a"}, {"amount_cents", "/b"}}).find("name one") !=
          std::string::npos);
}

TEST_CASE("users may come from a file beside the target file, its columns being placeholders") {
    const TemporaryFolder folder;
    spill(folder.path / "a.csv", "uid,token\n7,t7\n");
    json document = with("/users", {{"csv", "a.csv"}, {"name", "uid"}});
    document["claim"]["headers"] = {{"Authorization", "Bearer {token}"}};
    document["warm_up"] = {{"path", "/{uid}"}};
    document["outcomes"].push_back({{"status", 202}, {"is", "pending"}});
    document["poll"] = {{"path", "/{token}/{user}"}};
    spill(folder.path / "t.json", document.dump());
    const Target target = load_target_file((folder.path / "t.json").string());
    const CsvUsers& users = target.endpoint.csv_users.value();
    CHECK(users.path == (folder.path / "a.csv").string());
    CHECK(users.columns == std::vector<std::string>{"uid", "token"});
    CHECK(users.name == "uid");
    // What a run saves is read back without the file.
    std::filesystem::remove(folder.path / "a.csv");
    const json saved = json::parse(target_to_json(target).dump());
    CHECK(saved.at("users").at("columns") == json({"uid", "token"}));
    CHECK(read(saved).endpoint.csv_users->path == users.path);
    CHECK_THROWS_WITH(load_target_file((folder.path / "t.json").string()),
                      Catch::Contains("t.json: /users/csv: the users' file '") &&
                          Catch::Contains("cannot be read: No such file"));
}

TEST_CASE("users that cannot be meant are refused with their place") {
    const TemporaryFolder folder;
    const std::string path = (folder.path / "a.csv").string();
    spill(path, "uid,token\n7,t7\n");
    CHECK(error_with("/users", {{"csv", path}}).find("t.json: /users/csv: " + path) == 0);
    CHECK(error_with("/users", {{"csv", path}, {"name", "id"}}).find("no column 'id'") !=
          std::string::npos);
    CHECK(error_with("/users", json::object()) ==
          "t.json: /users: one of template and csv is wanted");
    CHECK(error_with("/users", {{"csv", path}, {"template", "u{n}"}}).find("beside a template") !=
          std::string::npos);
    CHECK(error_with("/users", {{"csvs", path}}).find("did you mean 'csv'?") != std::string::npos);
    json document = with("/users", {{"csv", path}, {"name", "uid"}});
    document["claim"]["path"] = "/{tokn}";
    CHECK_THROWS_WITH(read(document),
                      "t.json: /claim/path: placeholder: unknown placeholder "
                      "{tokn}; did you mean {token}?");
}

TEST_CASE("the schema names exactly the keys that the loader takes in fields") {
    const json schema = json::parse(
        slurp(std::filesystem::path(CLAIMSTORM_SOURCE_DIR) / "scenarios" / "scenario.schema.json"));
    const auto in_loader = [](const char* pointer) {
        // The loader lists what it knows when a key is like none of them.
        const std::string message = error_with(pointer, 1);
        const std::string list = message.substr(message.find("known here are: ") + 16);
        std::set<std::string> keys;
        const std::regex word("[a-z_]+");
        for (std::sregex_iterator i(list.begin(), list.end(), word), end; i != end; ++i) {
            keys.insert(i->str());
        }
        return keys;
    };
    const auto in_schema = [](const json& object) {
        CHECK(object.at("additionalProperties") == false);
        std::set<std::string> keys;
        for (const auto& [key, value] : object.at("properties").items()) keys.insert(key);
        return keys;
    };
    const json& definitions = schema.at("definitions");
    CHECK(in_schema(definitions.at("target").at("properties").at("fields")) ==
          in_loader("/fields/zzzzzzzzzzzzzzzzzzzz"));
    CHECK(in_schema(definitions.at("users")) == in_loader("/users/zzzzzzzzzzzzzzzzzzzz"));
    CHECK(in_schema(definitions.at("field_source").at("anyOf").at(1)) ==
          in_loader("/fields/ticket/zzzzzzzzzzzzzzzzzzzz"));
}

TEST_CASE("a store's url may be left out where all that is read names its own") {
    const auto error_of = [](const char* pointer, const char* text) {
        return error_with(pointer, json::parse(text));
    };
    json document = with("/mysql", json::parse(R"({
        "claims": [ { "url": "mysql://a@db1:3306/s", "sql": "SELECT 1 AS user" },
                    { "url": "mysql://a@db2:3306/s", "sql": "SELECT 2 AS user" } ] })"));
    document["redis"] = json::parse(R"({
        "remaining": { "url": "redis://c1:6379/0", "command": ["GET", "a"] },
        "users": { "url": "redis://c2:6379/0", "set": "b" },
        "locks": [ { "url": "redis://c3:6379/0", "pattern": "l:*" } ] })");
    const Target target = read(document);
    CHECK_FALSE(target.evidence.mysql->address);
    CHECK(target.evidence.mysql->claims.at(1).at->host == "db2");
    CHECK_FALSE(target.evidence.redis->address);
    const json saved = json::parse(target_to_json(target).dump());
    CHECK(saved["mysql"] == document["mysql"]);
    CHECK(saved["redis"] == document["redis"]);

    CHECK(error_of("/mysql", R"({"claims": "SELECT 1 AS user"})") ==
          "t.json: /mysql/claims: nothing says where this is read: there is no mysql.url, and it "
          "names no \"url\" of its own; add one of the two");
    CHECK(error_of("/mysql",
                   R"({"stock": [{"url": "mysql://h/d", "sql": "SELECT 1 AS stock"},
                                 "SELECT 2 AS stock"]})")
              .find("t.json: /mysql/stock/1: nothing says where") == 0);
    CHECK(error_of("/mysql", R"({"payouts": "SELECT 1 AS claim_id"})").find("/mysql/payouts: ") !=
          std::string::npos);
    CHECK(error_of("/redis", R"({"remaining": ["GET", "a"]})").find("there is no redis.url") !=
          std::string::npos);
    CHECK(error_of("/redis", R"({"users": {"set": "a"}})").find("/redis/users: ") !=
          std::string::npos);
    CHECK(error_of("/redis", R"({"locks": ["l:*"]})").find("/redis/locks/0: ") !=
          std::string::npos);
    CHECK(error_of("/redis", R"({"backlog": ["LLEN", "a"]})").find("/redis/backlog: ") !=
          std::string::npos);
    for (const char* store : {"/mysql", "/redis"}) {
        CHECK(error_of(store, "{}") == std::string("t.json: ") + store +
                                           ": it names nothing to read and no \"url\"; add them, "
                                           "or leave it out");
    }
    // The steps have no url of their own.
    document["prepare"] = json::parse(R"([{"sql": "DELETE FROM t"}])");
    CHECK_THROWS_WITH(read(document), "t.json: /prepare: an sql step needs mysql.url");
    document["prepare"] = json::parse(R"([{"redis": ["DEL", "a"]}])");
    CHECK_THROWS_WITH(read(document), "t.json: /prepare: a redis step needs redis.url");
}

TEST_CASE("when a target's locks expire is read and saved") {
    const auto redis = [](const json& ttl) {
        return json{{"url", "redis://127.0.0.1:6379/0"}, {"lock_ttl", ttl}};
    };
    const Target target = read(with("/redis", redis("1500ms")));
    CHECK(target.evidence.lock_ttl() == std::chrono::milliseconds(1500));
    CHECK(target_to_json(target)["redis"]["lock_ttl"] == "1500ms");
    // Redis counts in milliseconds; a part of one is one more.
    CHECK(read(with("/redis", redis("1500.5us"))).evidence.lock_ttl() ==
          std::chrono::milliseconds(2));
    CHECK(error_with("/redis", redis("999us")).find("/redis/lock_ttl") != std::string::npos);
    CHECK(error_with("/redis", redis(5)).find("/redis/lock_ttl") != std::string::npos);
    CHECK_FALSE(read(target_document()).evidence.lock_ttl());
}
