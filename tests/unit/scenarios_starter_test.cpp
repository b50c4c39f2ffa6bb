#include <filesystem>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "scenarios/json_place.h"
#include "scenarios/scenario_file.h"
#include "scenarios/starter.h"
#include "scenarios/target_file.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;

TEST_CASE("the starter names every kind of evidence, step and rule that there is") {
    const json target = parse_json_text(starter_target("http://127.0.0.1:1"), "starter");
    for (const char* pointer : {"/poll/path", "/fields/claim_id", "/mysql/claims", "/mysql/stock",
                                "/redis/remaining", "/redis/users", "/redis/locks",
                                "/redis/backlog", "/outcomes/0/json", "/outcomes/2/body_regex"}) {
        INFO(pointer);
        CHECK(target.contains(json::json_pointer(pointer)));
    }
    const Target read = read_target(JsonPlace(target, "starter"));
    CHECK(read.endpoint.base_url == "http://127.0.0.1:1");
    std::size_t kinds = 0;
    for (const PrepareStep& step : read.prepare) kinds |= std::size_t{1} << step.index();
    CHECK(kinds == 0b111);
}

TEST_CASE("what the starter offers in its comments works when taken up") {
    const TemporaryFolder folder;
    spill(folder.path / "accounts.csv", "uid,token\n1,a\n");
    std::string text = starter_target("http://127.0.0.1:1");
    const auto take_up = [&](const std::string& instead, const std::string& comment) {
        const std::size_t old = text.find(instead);
        REQUIRE(old != std::string::npos);
        text.insert(old, "// ");
        const std::size_t at = text.find("// " + comment);
        REQUIRE(at != std::string::npos);
        text.erase(at, 3);
    };
    take_up(R"("users": { "template")", R"("users": { "csv")");
    take_up(R"("headers": { "X-User")", R"("headers": { "Authorization")");
    take_up(R"("body": { "user_id")", R"("body": "user_id)");
    spill(folder.path / "t.json", text);
    const Target target = load_target_file((folder.path / "t.json").string());
    CHECK(target.endpoint.csv_users->name == "uid");
    CHECK(target.endpoint.claim.headers.front().second == "Bearer {token}");
    CHECK_FALSE(target.endpoint.claim.json_body);
}

TEST_CASE("the starter with its target inside is the same scenario") {
    const TemporaryFolder folder;
    spill(folder.path / "target.json", starter_target("http://127.0.0.1:1"));
    spill(folder.path / "two.json", starter_scenario("starter", "target.json"));
    spill(folder.path / "one.json", starter_document("starter", "http://127.0.0.1:1"));
    const Scenario two = load_scenario((folder.path / "two.json").string());
    const Scenario one = load_scenario((folder.path / "one.json").string());
    CHECK(scenario_to_json(one, 1).dump() == scenario_to_json(two, 1).dump());
}
