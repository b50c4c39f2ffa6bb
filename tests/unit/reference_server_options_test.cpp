#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/command_line.h"
#include "reference_server/flow_options.h"
#include "reference_server/requests.h"
#include "reference_server/target_file.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

FlowOptions read(const std::vector<std::string>& given) {
    return {"coupon/test",
            {duration_option("ttl", "5s", "", 1ms, 1min), count_option("retries", "3", "", 0, 100),
             choice_option("granularity", "campaign", "", {"campaign", "system"})},
            given};
}

std::optional<CommandLine> parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "claimstorm-server");
    return read_command_line(static_cast<int>(arguments.size()), arguments.data());
}

/// An environment variable for as long as a test.
struct Variable {
    Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~Variable() { ::unsetenv(name_); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    const char* name_;
};

}  // namespace

TEST_CASE("a flow's options have defaults, and the last one given wins") {
    const auto defaults = read({});
    CHECK(defaults.duration("ttl") == 5s);
    CHECK(defaults.count("retries") == 3);
    CHECK(defaults.choice("granularity") == "campaign");
    const auto given = read({"ttl=50ms", "retries=1", "granularity=system", "retries=7"});
    CHECK(given.duration("ttl") == 50ms);
    CHECK(given.count("retries") == 7);
    CHECK(given.choice("granularity") == "system");
}

TEST_CASE("a wrong option is refused with what is allowed and what was meant") {
    CHECK_THROWS_WITH(read({"ttl"}), Contains("write it as name=value"));
    CHECK_THROWS_WITH(read({"tll=1s"}), Contains("no option 'tll' (did you mean 'ttl'?)") &&
                                            Contains("it has ttl, retries, granularity"));
    CHECK_THROWS_WITH(read({"ttl=5"}), Contains("not a duration from 1ms to"));
    CHECK_THROWS_WITH(read({"ttl=2m"}), Contains("not a duration"));
    CHECK_THROWS_WITH(read({"retries=101"}), Contains("a whole number from 0 to 100"));
    CHECK_THROWS_WITH(read({"retries=-1"}), Contains("a whole number"));
    CHECK_THROWS_WITH(read({"granularity=sytem"}), Contains("did you mean 'system'"));
    CHECK_THROWS_AS(read({"x=1"}), UsageError);
}

TEST_CASE("each flow of the table has a name of its own, a sentence, steps and sound defaults") {
    std::set<std::string> names;
    for (const FlowEntry& entry : flows()) {
        INFO(entry.name);
        CHECK(names.insert(entry.name).second);
        CHECK_FALSE(entry.about.empty());
        CHECK_FALSE(entry.steps.empty());
        CHECK(entry.make(FlowOptions(entry.name, entry.options, {})) != nullptr);
        CHECK_THAT(list_flows(), Contains(entry.name));
    }
    CHECK(names.count("coupon/naive") == 1);
    CHECK_THROWS_WITH(find_flow("coupon/niave"), Contains("did you mean 'coupon/naive'"));
    CHECK_THROWS_WITH(find_flow("zzzzzzzzzzzzzzzz"), Contains("--list-flows"));
}

TEST_CASE("the command line names flow, stores, address, workers and options") {
    const auto line = parse({"--flow", "coupon/naive", "--mysql", "mysql://h/d", "--redis",
                             "redis://h", "--listen", "[::1]:81", "--workers", "7", "--option",
                             "write=absolute", "--announce"});
    REQUIRE(line);
    CHECK(line->server.flow.name == "coupon/naive");
    CHECK(line->server.mysql_url == "mysql://h/d");
    CHECK(line->server.front.host == "::1");
    CHECK(line->server.front.port == 81);
    CHECK(line->server.workers == 7);
    CHECK(line->server.flow_options == std::vector<std::string>{"write=absolute"});
    CHECK(line->announce);
}

TEST_CASE("the environment gives what the command line does not") {
    const Variable mysql("CLAIMSTORM_MYSQL", "mysql://from-env/d");
    const Variable redis("CLAIMSTORM_REDIS", "redis://from-env");
    const Variable listen("CLAIMSTORM_LISTEN", "localhost:99");
    const Variable options("CLAIMSTORM_OPTION", "ttl=1s,wait=3s");
    const auto line =
        parse({"--flow", "coupon/global-lock/recheck", "--redis", "redis://from-argv"});
    REQUIRE(line);
    CHECK(line->server.mysql_url == "mysql://from-env/d");
    CHECK(line->server.redis_url == "redis://from-argv");
    CHECK(line->server.front.host == "127.0.0.1");
    CHECK(line->server.front.port == 99);
    CHECK(line->server.flow_options == std::vector<std::string>{"ttl=1s", "wait=3s"});
    CHECK_FALSE(line->announce);
}

TEST_CASE("a wrong command line is refused in one line") {
    const auto says = [](std::vector<const char*> arguments, const std::string& what) {
        for (const char* more : {"--mysql", "mysql://h/d", "--redis", "redis://h"}) {
            arguments.push_back(more);
        }
        try {
            parse(arguments);
            FAIL("it was taken");
        } catch (const UsageError& error) {
            CHECK_THAT(error.what(), Contains(what));
            CHECK(std::string(error.what()).find('\n') == std::string::npos);
        }
    };
    says({}, "--flow is missing");
    says({"--flow", "coupon/niave"}, "did you mean 'coupon/naive'");
    says({"--flow", "coupon/naive", "--workers", "0"}, "--workers");
    says({"--flow", "coupon/naive", "--bogus"}, "--bogus");
    says({"--flow", "coupon/naive", "--listen", "8080"}, "address:port");
    says({"--flow", "coupon/naive", "--listen", "127.0.0.1:99999"}, "the port is a number");
    says({"--flow", "coupon/naive", "--listen", "0.0.0.0:80"}, "add --allow-remote");
    CHECK_THROWS_WITH(parse({"--flow", "coupon/naive"}), Contains("CLAIMSTORM_MYSQL"));
    CHECK_NOTHROW(parse({"--flow", "coupon/naive", "--listen", "0.0.0.0:80", "--allow-remote",
                         "--mysql", "mysql://h", "--redis", "redis://h"}));
}

TEST_CASE("a path is read as the endpoint it names") {
    CHECK(route_of("/healthz").what == Route::What::health);
    CHECK(route_of("/healthz?x=/y").what == Route::What::health);
    CHECK(route_of("/campaigns").what == Route::What::campaigns);
    const Route claim = route_of("/campaigns/c1/claims/77");
    CHECK(claim.what == Route::What::claim);
    CHECK(claim.campaign == "c1");
    CHECK(claim.claim == "77");
    for (const char* path : {"", "/", "//", "healthz", "x/campaigns", "/campaigns//claims",
                             "/campaigns/a/claims/", "/campaigns/a/claims/b/c", "*"}) {
        INFO(path);
        CHECK(route_of(path).what == Route::What::nothing);
    }
}

TEST_CASE("the target file tells a storm all it needs") {
    const FlowEntry& entry = find_flow("coupon/lua-gate");
    const FlowOptions defaults(entry.name, entry.options, {});
    const auto flow = entry.make(defaults);
    const nlohmann::json target = make_target_file("http://[::1]:8080", entry, *flow, defaults,
                                                   "mysql://u:p@h/d", "redis://:p@h/0");
    CHECK(target["base_url"] == "http://[::1]:8080");
    CHECK(target["hosts_allowed"] == nlohmann::json{"::1"});
    CHECK(target["claim"]["path"] == "/campaigns/{campaign}/claims");
    CHECK(target["claim"]["body"] == nlohmann::json{{"user", "{user}"}});
    CHECK(target["outcomes"][0] ==
          nlohmann::json{{"status", 200}, {"json", {{"/outcome", "granted"}}}, {"is", "granted"}});
    CHECK(target["prepare"][0]["http"]["body"]["stock"] == "{stock}");
    CHECK_FALSE(target["prepare"][0]["http"]["body"].contains("budget_cents"));
    CHECK(target["mysql"]["url"] == "mysql://u:p@h/d");
    CHECK(target["redis"]["remaining"] == nlohmann::json{"GET", "cs:{campaign}:remaining"});
    CHECK(target["redis"]["users"] == nlohmann::json{{"set", "cs:{campaign}:users"}});
    CHECK_FALSE(target["redis"].contains("locks"));
    CHECK_FALSE(target["redis"].contains("lock_ttl"));
    CHECK_FALSE(target.contains("poll"));

    const FlowEntry& locked = find_flow("coupon/global-lock/recheck");
    const FlowOptions given(locked.name, locked.options, {"granularity=system", "ttl=1500ms"});
    const auto system = locked.make(given);
    const nlohmann::json other =
        make_target_file("http://127.0.0.1:1", locked, *system, given, "", "");
    CHECK(other["redis"]["locks"] == nlohmann::json{"cs:lock"});
    CHECK(other["redis"]["lock_ttl"] == "1500ms");
    CHECK_FALSE(other["redis"].contains("users"));
}
