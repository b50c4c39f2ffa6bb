#include <chrono>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "reference_server/failpoints.h"
#include "tests/support/flow_bench.h"
#include "tests/support/running_server.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
using Action = FailpointRule::Action;

namespace {

std::string rule_error(std::string_view text) {
    try {
        parse_failpoint_rule(text);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

/// An entry with two steps of a claim and one of the background; it makes no flow.
FlowEntry steps_only() {
    FlowEntry entry;
    entry.name = "test/steps";
    entry.steps = {"after_read", "in_lock"};
    entry.background_steps = {"before_payout"};
    return entry;
}

struct Set {
    explicit Set(std::uint64_t seed = 1) : points(entry, counters, seed) {}

    /// How the next `times` hits of the step end: '!' for an error, '.' for nothing.
    std::string hit(std::string_view step, int times) {
        std::string seen;
        for (int i = 0; i < times; ++i) {
            try {
                points.hit(context, step);
                seen += '.';
            } catch (const InjectedError&) {
                seen += '!';
            }
        }
        return seen;
    }

    FlowEntry entry = steps_only();
    FailpointCounters counters;
    Failpoints points;
    Context context{lab_stores(), nullptr};
};

}  // namespace

TEST_CASE("a failpoint rule is an action and, behind an '@', the hits it is for") {
    CHECK(parse_failpoint_rule("error").action == Action::error);
    CHECK(parse_failpoint_rule("crash").action == Action::crash);
    CHECK(parse_failpoint_rule("drop-reply@2").action == Action::drop_reply);
    CHECK(parse_failpoint_rule("lose-cache@2").action == Action::lose_cache);
    const FailpointRule pause = parse_failpoint_rule("pause(50ms)@3-5");
    CHECK(pause.action == Action::pause);
    CHECK(pause.pause == std::chrono::milliseconds(50));
    CHECK(pause.first == 3);
    CHECK(pause.last == 5);
    CHECK(pause.probability == 1);
    CHECK(parse_failpoint_rule("error@2.5%").probability == 0.025);
    CHECK(parse_failpoint_rule("error@7+").first == 7);
    CHECK(parse_failpoint_rule("error@7+").last == std::numeric_limits<std::uint64_t>::max());
    CHECK(parse_failpoint_rule("error@7").last == 7);
}

TEST_CASE("a failpoint rule that cannot be understood is refused with what can") {
    CHECK(rule_error("explode").find("none of error, crash") != std::string::npos);
    CHECK(rule_error("pause(0ms)").find("duration") != std::string::npos);
    CHECK(rule_error("pause(2m)").find("up to 1m") != std::string::npos);
    CHECK(rule_error("pause(").find("none of") != std::string::npos);
    for (const char* when : {"", "0", "x", "5-3", "3-", "3-5+", "0%", "101%", "-1", "nan%"}) {
        INFO(when);
        CHECK(rule_error(std::string("error@") + when).find("'@'") != std::string::npos);
    }
}

TEST_CASE("a failpoint fires at the hits it is for and at no other") {
    Set set;
    set.points.set("after_read=error@2");
    CHECK(set.hit("after_read", 4) == ".!..");
    CHECK(set.hit("in_lock", 2) == "..");
    CHECK(set.points.state("after_read").hits == 4);
    CHECK(set.points.state("after_read").fired == 1);
    set.points.put("after_read", parse_failpoint_rule("error@2-3"));
    CHECK(set.hit("after_read", 4) == ".!!.");
    set.points.put("after_read", parse_failpoint_rule("error@3+"));
    CHECK(set.hit("after_read", 4) == "..!!");
    set.points.put("after_read", parse_failpoint_rule("error"));
    CHECK(set.hit("after_read", 2) == "!!");
    set.points.remove("after_read");
    CHECK(set.hit("after_read", 2) == "..");
}

TEST_CASE("a failpoint with a share is drawn from the seed") {
    Set one(7);
    Set same(7);
    Set other(8);
    for (Set* set : {&one, &same, &other}) set->points.set("after_read=error@10%");
    const std::string drawn = one.hit("after_read", 2000);
    CHECK(drawn == same.hit("after_read", 2000));
    CHECK(drawn != other.hit("after_read", 2000));
    const auto fired = std::count(drawn.begin(), drawn.end(), '!');
    CHECK(fired > 140);
    CHECK(fired < 260);
}

TEST_CASE("the step * stands for every step the action can be used at") {
    Set set;
    set.points.set("*=error");
    CHECK(set.hit("in_lock", 1) == "!");
    CHECK(set.hit("before_payout", 1) == "!");
    Set dropping;
    dropping.points.set("*=drop-reply");
    CHECK(dropping.points.state("in_lock").rule == "drop-reply");
    CHECK(dropping.points.state("before_payout").rule.empty());
}

TEST_CASE("unknown steps and actions without a use are refused") {
    Set set;
    CHECK_THROWS_WITH(set.points.set("in_lok=error"), Catch::Contains("did you mean 'in_lock'?"));
    CHECK_THROWS_WITH(set.points.set("in_lock"), Catch::Contains("STEP=ACTION"));
    CHECK_THROWS_WITH(set.points.set("before_payout=drop-reply"), Catch::Contains("no client"));
    CHECK_THROWS_AS(set.points.put("nowhere", parse_failpoint_rule("error")), UsageError);
    CHECK_THROWS_AS(set.points.remove("nowhere"), UsageError);
}

TEST_CASE("lose-cache deletes the program's keys and no others") {
    Set set;
    RedisConnection& redis = set.context.redis();
    redis.command({"SET", "cs:gone:remaining", "1"});
    redis.command({"SET", "somebody-elses", "1"});
    set.points.set("in_lock=lose-cache");
    set.hit("in_lock", 1);
    CHECK(redis.command({"EXISTS", "cs:gone:remaining"}).integer() == 0);
    CHECK(redis.command({"EXISTS", "somebody-elses"}).integer() == 1);
    redis.command({"DEL", "somebody-elses"});
}

TEST_CASE("failpoints are set, shown and removed over HTTP") {
    const RunningServer server(RunningServer::options("coupon/lua-gate"));
    server.create("http", 5);
    const auto put = server.request("PUT", "/failpoints/after_gate", R"({"do": "error@2"})");
    CHECK(put.status == 200);
    CHECK(json::parse(put.body).at("do") == "error@2");
    CHECK(server.claim("http", "a").status == 200);
    CHECK(server.claim("http", "b").status == 500);
    CHECK(server.claim("http", "c").status == 200);
    const json shown = json::parse(server.request("GET", "/failpoints/after_gate").body);
    CHECK(shown.at("hits") == 3);
    CHECK(shown.at("fired") == 1);
    CHECK(json::parse(server.request("GET", "/failpoints").body).at("failpoints").size() ==
          reference::find_flow("coupon/lua-gate").steps.size());
    CHECK(server.request("DELETE", "/failpoints/after_gate").status == 200);
    CHECK(json::parse(server.request("GET", "/failpoints/after_gate").body).at("do").is_null());
    // What the error left behind: the unit was given back, so two are stored and three are left.
    CHECK(server.state("http").at("cache_remaining") == 3);
}

TEST_CASE("a failpoint that cannot be set over HTTP is 400, a wrong method 405") {
    const RunningServer server(RunningServer::options("coupon/lua-gate"));
    const auto status = [&](const char* method, const char* path, const char* body) {
        return server.request(method, path, body).status;
    };
    CHECK(status("PUT", "/failpoints/after_gat", R"({"do": "error"})") == 400);
    CHECK(status("PUT", "/failpoints/after_gate", R"({"do": "explode"})") == 400);
    CHECK(status("PUT", "/failpoints/after_gate", R"({"do": 3})") == 400);
    CHECK(status("PUT", "/failpoints/after_gate", R"({"do": "error", "more": 1})") == 400);
    CHECK(status("PUT", "/failpoints/after_gate", "nonsense") == 400);
    CHECK(status("POST", "/failpoints/after_gate", "{}") == 405);
    CHECK(status("PUT", "/failpoints", "{}") == 405);
    CHECK(status("GET", "/failpoints/a/b", "") == 404);
}

TEST_CASE("a dropped reply leaves the claim stored and its client without an answer") {
    auto options = RunningServer::options("coupon/lua-gate");
    options.failpoints = {"after_commit=drop-reply@1"};
    const RunningServer server(std::move(options));
    server.create("dropped", 5);
    CHECK_THROWS(server.claim("dropped", "a"));
    CHECK(server.state("dropped").at("claims") == 1);
    CHECK(server.claim("dropped", "b").status == 200);
}

TEST_CASE("a server does not start with a failpoint it cannot set") {
    auto options = RunningServer::options("coupon/lua-gate");
    options.failpoints = {"nowhere=error"};
    CHECK_THROWS_AS(reference::Server(std::move(options)), UsageError);
}
