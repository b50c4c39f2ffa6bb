#include <map>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/segmented_coupon.h"
#include "tests/support/flow_bench.h"
#include "tests/support/rival.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

TEST_CASE("lua-off-by-one sells exactly one more than the stock") {
    FreshBench bench("coupon/lua-off-by-one", 2);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("b") == Outcome::granted);
    CHECK(bench.claim("c") == Outcome::granted);
    CHECK(bench.claim("d") == Outcome::sold_out);
    CHECK(bench.claim("e") == Outcome::sold_out);
    CHECK(bench.state().claims == 3);
    CHECK(bench.state().remaining == -1);
    CHECK(bench.state().cache_remaining == -1);
    CHECK(bench.state().sold_out);
}

TEST_CASE("lua-off-by-one is wrong in that one point: what fails is given back") {
    FreshBench bench("coupon/lua-off-by-one", 2);
    for (const std::string failing : {"after_gate", "before_commit"}) {
        INFO(failing);
        const StepHook fail = [&](Context&, std::string_view step) {
            if (step == failing) throw InjectedError("injected");
        };
        Context context(lab_stores(), &fail);
        CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
        CHECK(bench.state().claims == 0);
        CHECK(bench.state().cache_remaining == 2);
        CHECK(bench.cached_users().empty());
    }
}

TEST_CASE("decr-no-restore: a second click takes a unit that nobody gets") {
    FreshBench bench("coupon/decr-no-restore", 2);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("b") == Outcome::sold_out);
    CHECK(bench.claim("c") == Outcome::sold_out);
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().remaining == 1);
    CHECK(bench.state().cache_remaining == -2);
    CHECK_FALSE(bench.state().sold_out);
}

TEST_CASE("decr-no-restore: a failed transaction takes a unit that nobody gets") {
    FreshBench bench("coupon/decr-no-restore", 1);
    const StepHook fail = [](Context&, std::string_view step) {
        if (step == "before_commit") throw InjectedError("injected");
    };
    Context context(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(bench.claim("b") == Outcome::sold_out);
    CHECK(bench.state().remaining == 1);
}

TEST_CASE("lazy-cache: a late SET undoes the decrements made since its SELECT") {
    FreshBench bench("coupon/lazy-cache", 2);
    CHECK_FALSE(bench.state().cache_remaining);
    bool first = true;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step != "after_select" || !std::exchange(first, false)) return;
        // Two claims sell the whole stock, before what was read is SET.
        CHECK(bench.claim("b") == Outcome::granted);
        CHECK(bench.claim("c") == Outcome::granted);
        CHECK(bench.state().cache_remaining == 0);
    };
    Context context(lab_stores(), &hook);
    CHECK(bench.claim(context, "a") == Outcome::granted);
    CHECK(bench.state().cache_remaining == 1);
    CHECK(bench.claim("d") == Outcome::granted);
    CHECK(bench.claim("e") == Outcome::sold_out);
    // Four claims for a stock of two, and both counters at zero.
    CHECK(bench.state().claims == 4);
    CHECK(bench.state().cache_remaining == 0);
    CHECK(bench.state().remaining == 0);
    CHECK(bench.state().sold_out);
}

TEST_CASE("lazy-cache with a warm cache sells the stock and gives back what a second click takes") {
    FreshBench bench("coupon/lazy-cache", 2, {"cache=warm"});
    CHECK(bench.state().cache_remaining == 2);
    CHECK(bench.claim("a") == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.state().cache_remaining == 1);
    const auto both = Meeting("after_read").run(bench, "b", "c");
    CHECK(((both.first == Outcome::granted) != (both.second == Outcome::granted)));
    CHECK(((both.first == Outcome::sold_out) != (both.second == Outcome::sold_out)));
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().cache_remaining == 0);
    CHECK(bench.state().remaining == 0);
}

TEST_CASE("lazy-cache gives the unit back when its transaction fails") {
    FreshBench bench("coupon/lazy-cache", 2);
    const StepHook fail = [](Context&, std::string_view step) {
        if (step == "before_commit") throw InjectedError("injected");
    };
    Context context(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(bench.state().claims == 0);
    CHECK(bench.state().cache_remaining == 2);
}

namespace {

/// `count` users of each segment.
std::map<std::string, std::vector<std::string>> users_by_segment(const Bench& bench,
                                                                 std::size_t segments,
                                                                 std::size_t count) {
    const auto& flow = dynamic_cast<const SegmentedCoupon&>(*bench.flow);
    std::map<std::string, std::vector<std::string>> users;
    for (int number = 0; number < 1000; ++number) {
        const std::string user = fmt::format("u{}", number);
        auto& there = users[flow.key_for(bench.campaign.id, user)];
        if (there.size() < count) there.push_back(user);
    }
    REQUIRE(users.size() == segments);
    return users;
}

}  // namespace

TEST_CASE("segments: an exact split sums up to the stock, a rounded one to no less") {
    for (const std::int64_t stock : {0, 1, 7, 8, 9, 100}) {
        for (const std::int64_t segments : {1, 3, 8, 200}) {
            INFO(stock << " over " << segments);
            std::int64_t exact = 0;
            std::int64_t rounded = 0;
            for (std::int64_t number = 0; number < segments; ++number) {
                exact += segment_stock(stock, segments, number, Split::exact);
                rounded += segment_stock(stock, segments, number, Split::rounded_up);
            }
            CHECK(exact == stock);
            CHECK(rounded >= stock);
            CHECK(rounded < stock + segments);
            CHECK(rounded % segments == 0);
        }
    }
}

TEST_CASE("segments: a user whose segment is empty is sent home, whatever the others hold") {
    FreshBench bench("coupon/segments", 4, {"segments=2"});
    CHECK(bench.state().cache_remaining == 4);
    const auto users = users_by_segment(bench, 2, 3).begin()->second;
    CHECK(bench.claim(users[0]) == Outcome::granted);
    CHECK(bench.claim(users[0]) == Outcome::already_claimed);
    CHECK(bench.claim(users[1]) == Outcome::granted);
    CHECK(bench.claim(users[2]) == Outcome::sold_out);
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().remaining == 2);
    CHECK(bench.state().cache_remaining == 2);
    CHECK_FALSE(bench.state().sold_out);
}

TEST_CASE("segments gives the unit back when its transaction fails") {
    FreshBench bench("coupon/segments", 4, {"segments=2"});
    const StepHook fail = [](Context&, std::string_view step) {
        if (step == "before_commit") throw InjectedError("injected");
    };
    Context context(lab_stores(), &fail);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(bench.state().claims == 0);
    CHECK(bench.state().cache_remaining == 4);
}

TEST_CASE(
    "segments/rounded-up sells what its segments hold together, which is more than the stock") {
    FreshBench bench("coupon/segments/rounded-up", 3, {"segments=2"});
    CHECK(bench.state().cache_remaining == 4);
    for (const auto& [segment, users] : users_by_segment(bench, 2, 3)) {
        INFO(segment);
        CHECK(bench.claim(users[0]) == Outcome::granted);
        CHECK(bench.claim(users[1]) == Outcome::granted);
        CHECK(bench.claim(users[2]) == Outcome::sold_out);
    }
    CHECK(bench.state().claims == 4);
    CHECK(bench.state().remaining == -1);
    CHECK(bench.state().cache_remaining == 0);
    CHECK(bench.state().sold_out);
}

TEST_CASE("segments names one reading command for each of its keys") {
    const FreshBench bench("coupon/segments", 4, {"segments=2"});
    const auto remaining = bench.flow->evidence()["redis"]["remaining"];
    CHECK(remaining.dump() ==
          R"([["GET","cs:{campaign}:remaining:0"],["GET","cs:{campaign}:remaining:1"]])");
}

namespace {

/// What a process leaves behind that dies between the gate and COMMIT.
void leave_taken(Bench& bench, const std::string& user) {
    RedisConnection& redis = bench.context.redis();
    redis.command({"DECR", remaining_key(bench.campaign.id)});
    redis.command({"SADD", key_of(bench.campaign.id, "users"), user});
    redis.command({"HSET", key_of(bench.campaign.id, "holders"), user, "a token of the dead"});
}

}  // namespace

TEST_CASE("lua-gate: a unit taken by a process that died is sold again after reconcile") {
    FreshBench bench("coupon/lua-gate", 2);
    CHECK(bench.claim("a") == Outcome::granted);
    leave_taken(bench, "ghost");
    CHECK(bench.claim("b") == Outcome::sold_out);
    CHECK(bench.claim("ghost") == Outcome::already_claimed);

    const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
    REQUIRE(mended);
    CHECK((*mended)["cache_remaining_found"] == 0);
    CHECK((*mended)["cache_remaining"] == 1);
    CHECK((*mended)["users_released"] == 1);
    CHECK((*mended)["users_added"] == 0);
    CHECK(bench.cached_users() == std::set<std::string>{"a"});
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("ghost") == Outcome::granted);
    CHECK(bench.claim("b") == Outcome::sold_out);
    CHECK(bench.state().claims == 2);
}

TEST_CASE("lua-gate: reconcile makes counter and users anew when the cache was lost") {
    FreshBench bench("coupon/lua-gate", 5);
    for (const char* user : {"a", "b"}) CHECK(bench.claim(user) == Outcome::granted);
    bench.context.redis().command({"DEL", remaining_key(bench.campaign.id),
                                   key_of(bench.campaign.id, "users"),
                                   key_of(bench.campaign.id, "holders")});
    CHECK_THROWS_AS(bench.claim("c"), EnvironmentError);

    const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK((*mended)["cache_remaining_found"].is_null());
    CHECK((*mended)["cache_remaining"] == 3);
    CHECK((*mended)["users_released"] == 0);
    CHECK((*mended)["users_added"] == 2);
    CHECK(bench.claim("b") == Outcome::already_claimed);
    CHECK(bench.claim("c") == Outcome::granted);
    CHECK(bench.state().cache_remaining == 2);
}

TEST_CASE("lua-gate: repeating reconcile changes nothing, not even where nobody has claimed") {
    FreshBench bench("coupon/lua-gate", 2);
    leave_taken(bench, "ghost");
    const auto first = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK((*first)["users_released"] == 1);
    CHECK(bench.cached_users().empty());
    const auto second = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK((*second)["cache_remaining_found"] == 2);
    CHECK((*second)["cache_remaining"] == 2);
    CHECK((*second)["users_released"] == 0);
    CHECK((*second)["users_added"] == 0);
    const auto keys =
        bench.context.redis().command({"KEYS", key_of(bench.campaign.id, "*")}).elements();
    CHECK(keys.size() == 1);
}

TEST_CASE("lua-gate: reconcile puts back more users than go into one command") {
    FreshBench bench("coupon/lua-gate", 3000);
    MysqlConnection& mysql = bench.context.mysql();
    Transaction transaction(mysql);
    for (int user = 0; user < 2500; ++user) {
        insert_unique_claim(mysql, bench.campaign, std::to_string(user));
    }
    transaction.commit();
    const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK((*mended)["users_added"] == 2500);
    CHECK((*mended)["cache_remaining"] == 500);
    CHECK(bench.cached_users().size() == 2500);
}

TEST_CASE("lua-gate: an exception at a step leaves both stores agreeing") {
    for (const std::string& failing : find_flow("coupon/lua-gate").steps) {
        INFO(failing);
        FreshBench bench("coupon/lua-gate", 2);
        const StepHook fail = [&](Context&, std::string_view step) {
            if (step == failing) throw InjectedError("injected");
        };
        Context context(lab_stores(), &fail);
        CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
        const std::int64_t stored = failing == "after_commit" ? 1 : 0;
        CHECK(bench.state().claims == stored);
        CHECK(bench.state().remaining == 2 - stored);
        CHECK(bench.state().cache_remaining == 2 - stored);
        CHECK(static_cast<std::int64_t>(bench.cached_users().size()) == stored);
    }
}
