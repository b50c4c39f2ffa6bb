// coupon/async-stream and what its two variants leave out: redelivery, refusals, polls, repair.
// A consumer's crash is an exception from one of its steps, which drops its connections; what it
// had read stays with it in the stream's group, as after a crash of the whole process.
#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/flows/claim_stream.h"
#include "reference_server/flows/stream_claims.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/flow_bench.h"
#include "tests/support/hammer.h"
#include "tests/support/running_server.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;
using nlohmann::json;

namespace {

constexpr const char* kSound = "coupon/async-stream";
constexpr const char* kAckFirst = "coupon/async-stream/ack-first";
constexpr const char* kNoIdempotence = "coupon/async-stream/no-idempotence";
constexpr auto kPatience = std::chrono::seconds(30);

/// A campaign of a flow with a stream, and its consumers when a test wants them.
struct StreamBench : Bench {
    explicit StreamBench(const std::string& name, std::int64_t stock,
                         const std::vector<std::string>& options = {})
        : Bench(name, stock, options) {}

    std::string accepted(const std::string& user) {
        const ClaimResult result = flow->claim(context, campaign, user);
        REQUIRE(result.outcome == Outcome::pending);
        REQUIRE(is_claim_id(result.claim_id));
        return result.claim_id;
    }
    Outcome poll(const std::string& claim_id) {
        return flow->poll(context, campaign, claim_id).value().outcome;
    }
    ClaimStream stream() { return {context, campaign.id}; }
    std::int64_t backlog() {
        return context.redis().command({"XLEN", stream().keys().stream}).integer();
    }
    void lose_cache() {
        const StreamKeys keys(campaign.id);
        context.redis().command(
            {"DEL", keys.counter, keys.users, keys.claims, keys.stream, keys.epoch, "cs:streams"});
    }

    /// One consumer, until one of its steps throws: it has died there.
    void run_until_it_dies(const StepHook& hook, std::size_t consumer = 0) const {
        const std::stop_source never;
        Context own(lab_stores(), &hook);
        REQUIRE_THROWS_AS(flow->background().at(consumer).run(own, never.get_token()),
                          InjectedError);
    }

    /// One consumer as the server runs it, begun again when it throws, until the stream is empty.
    /// It runs on this thread, so that hooks may check. Returns how often it threw.
    int drain(std::size_t consumer = 0, const StepHook& hook = {},
              const std::optional<StoreAddresses>& stores = {}) {
        std::stop_source stop;
        std::thread watch([&] { stop_when_empty(stop); });
        int failures = 0;
        const BackgroundWork work = flow->background().at(consumer);
        while (!stop.stop_requested()) {
            try {
                Context own(stores.value_or(lab_stores()), &hook);
                work.run(own, stop.get_token());
            } catch (const std::exception&) {
                ++failures;
            }
        }
        watch.join();
        REQUIRE(backlog() == 0);
        return failures;
    }

  private:
    void stop_when_empty(std::stop_source& stop) const {
        RedisConnection redis(lab_stores().redis);
        const std::string stream = StreamKeys(campaign.id).stream;
        const auto until = std::chrono::steady_clock::now() + kPatience;
        while (redis.command({"XLEN", stream}).integer() > 0 &&
               std::chrono::steady_clock::now() < until) {
            std::this_thread::yield();
        }
        stop.request_stop();
    }
};

StepHook dies_at(const std::string& step) {
    return [step](Context&, std::string_view reached) {
        if (reached == step) throw InjectedError("died at " + step);
    };
}

/// At rest everything agrees: so many are granted, to different users, and nothing leaked.
void check_consistent(StreamBench& bench, std::int64_t claims) {
    const auto state = bench.state();
    CHECK(bench.backlog() == 0);
    CHECK(state.claims == claims);
    CHECK(state.remaining == bench.campaign.stock - claims);
    CHECK(state.cache_remaining == bench.campaign.stock - claims);
    CHECK(state.sold_out == (claims == bench.campaign.stock));
    std::set<std::string> users;
    bench.context.mysql().for_each_row(
        "SELECT user_id FROM stream_claims WHERE campaign_id = ? AND user_id IS NOT NULL",
        {bench.campaign.id}, [&](const MysqlRow& row) { users.insert(row.text(0)); });
    CHECK(static_cast<std::int64_t>(users.size()) == claims);
    CHECK(bench.cached_users() == users);
}

std::int64_t deliveries_stored(StreamBench& bench, const std::string& user) {
    return bench.context.mysql()
        .query_one("SELECT COUNT(*) FROM stream_deliveries WHERE campaign_id = ? AND user_id = ?",
                   {bench.campaign.id, user})
        ->int64(0);
}

}  // namespace

TEST_CASE("async-stream: a claim is pending until it is stored, and granted from then on") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    const std::string b = bench.accepted("b");
    CHECK(bench.claim("a") == Outcome::already_claimed);
    CHECK(bench.claim("c") == Outcome::sold_out);
    CHECK(bench.poll(a) == Outcome::pending);
    CHECK(bench.state().claims == 0);
    CHECK(bench.backlog() == 2);
    bool was_pending_at_commit = false;
    CHECK(bench.drain(0, [&](Context&, std::string_view step) {
        if (step == "before_commit") was_pending_at_commit = bench.poll(a) == Outcome::pending;
    }) == 0);
    CHECK(was_pending_at_commit);
    CHECK(bench.poll(a) == Outcome::granted);
    CHECK(bench.poll(b) == Outcome::granted);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    check_consistent(bench, 2);
}

TEST_CASE("async-stream: a poll for an id that was never given is rejected, and harms nobody") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    for (const std::string id : {"", "no-such-claim", "\xff\xfe", "' OR 1=1", "0123-4"}) {
        INFO(id);
        CHECK(bench.poll(id) == Outcome::rejected);
    }
    CHECK(bench.poll(std::string(65, 'a')) == Outcome::rejected);
    Campaign other = bench.campaign;
    other.id = "other";
    bench.flow->prepare(bench.context, other);
    CHECK(bench.flow->poll(bench.context, other, a)->outcome == Outcome::rejected);
    bench.drain();
    CHECK(bench.poll(a) == Outcome::granted);
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: a consumer that dies at any step loses nothing and repeats nothing") {
    const auto steps = find_flow(kSound).background_steps;
    for (const std::string& step : steps) {
        if (step == "before_give_up") continue;  // reached only behind another fault
        for (const std::size_t successor : {0U, 1U}) {
            INFO(step << ", then consumer " << successor);
            StreamBench bench(kSound, 3, {"idle=1ms"});
            const std::string ids[] = {bench.accepted("a"), bench.accepted("b"),
                                       bench.accepted("c")};
            bench.run_until_it_dies(dies_at(step));
            for (const std::string& id : ids) {
                const Outcome told = bench.poll(id);
                CHECK((told == Outcome::pending || told == Outcome::granted));
            }
            bench.drain(successor);
            for (const std::string& id : ids) CHECK(bench.poll(id) == Outcome::granted);
            check_consistent(bench, 3);
        }
    }
}

TEST_CASE("async-stream: an error after the gate loses the answer, not the claim") {
    StreamBench bench(kSound, 2);
    const StepHook hook = dies_at("after_gate");
    Context context(lab_stores(), &hook);
    CHECK_THROWS_AS(bench.claim(context, "a"), InjectedError);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    bench.drain();
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: two consumers that hold the same claims store them once") {
    StreamBench bench(kSound, 5, {"idle=1ms"});
    bench.accepted("a");
    bench.accepted("b");
    bool taken_over = false;
    // The second one does everything while the first one stands between reading and storing.
    bench.drain(0, [&](Context&, std::string_view step) {
        if (step != "after_read" || std::exchange(taken_over, true)) return;
        bench.drain(1);
    });
    CHECK(taken_over);
    check_consistent(bench, 2);
}

TEST_CASE("async-stream: a consumer that stalls before it acknowledges does no harm") {
    StreamBench bench(kSound, 5, {"idle=1ms"});
    const std::string a = bench.accepted("a");
    bench.run_until_it_dies([&](Context&, std::string_view step) {
        if (step == "after_commit") {
            bench.drain(1);
            // Meanwhile the campaign goes on: what the first one acknowledges late is not this.
            bench.accepted("b");
        }
        if (step == "after_ack") throw InjectedError("late, and then gone");
    });
    CHECK(bench.backlog() == 1);
    bench.drain();
    CHECK(bench.poll(a) == Outcome::granted);
    check_consistent(bench, 2);
}

TEST_CASE("async-stream: a gate that was asked and not heard is asked again, for one claim") {
    for (const auto when :
         {DroppingProxy::When::before_effect, DroppingProxy::When::after_effect}) {
        const StoreAddresses stores = lab_stores();
        DroppingProxy proxy(stores.redis.port);
        StoreAddresses through = stores;
        through.redis.port = proxy.port();
        StreamBench bench(kSound, 2);
        Context context(through, nullptr);
        proxy.arm("EVALSHA", when);
        const ClaimResult result = bench.flow->claim(context, bench.campaign, "a");
        REQUIRE(proxy.has_dropped());
        CHECK(result.outcome == Outcome::pending);
        CHECK(bench.backlog() == 1);
        bench.drain();
        CHECK(bench.poll(result.claim_id) == Outcome::granted);
        check_consistent(bench, 1);
    }
}

TEST_CASE("async-stream: a consumer survives a store's connection breaking at any command") {
    const std::pair<bool, const char*> commands[] = {
        {true, "START TRANSACTION"}, {true, "FOR UPDATE"}, {true, "INSERT INTO stream_claims"},
        {true, "UPDATE campaigns"},  {true, "COMMIT"},     {false, "SMEMBERS"},
        {false, "XREADGROUP"},       {false, "EVALSHA"}};
    for (const auto& [is_mysql, text] : commands) {
        for (const auto when :
             {DroppingProxy::When::before_effect, DroppingProxy::When::after_effect}) {
            INFO(text << (when == DroppingProxy::When::before_effect ? " unheard" : " unanswered"));
            const StoreAddresses stores = lab_stores();
            DroppingProxy proxy(is_mysql ? stores.mysql.port : stores.redis.port);
            StoreAddresses through = stores;
            (is_mysql ? through.mysql.port : through.redis.port) = proxy.port();
            StreamBench bench(kSound, 3);
            bench.accepted("a");
            bench.accepted("b");
            proxy.arm(text, when);
            bench.drain(0, {}, through);
            CHECK(proxy.has_dropped());
            check_consistent(bench, 2);
        }
    }
}

TEST_CASE("async-stream: what the database has no stock for is refused, and the counter stays") {
    StreamBench bench(kSound, 1);
    bench.accepted("a");
    bench.drain();
    bench.context.redis().command({"SET", remaining_key("bench"), "1"});  // an older Redis
    const std::string b = bench.accepted("b");
    bench.drain();
    CHECK(bench.poll(b) == Outcome::sold_out);
    CHECK(bench.claim("b") == Outcome::sold_out);
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: a user whom the gate has forgotten still gets one claim") {
    StreamBench bench(kSound, 3);
    bench.accepted("a");
    bench.drain();
    // An older Redis again: without the user, and with the unit.
    bench.context.redis().command({"DEL", key_of("bench", "users")});
    bench.context.redis().command({"INCR", remaining_key("bench")});
    const std::string again = bench.accepted("a");
    bench.drain();
    CHECK(bench.poll(again) == Outcome::already_claimed);
    CHECK(bench.claim("a") == Outcome::already_claimed);
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: a claim that cannot be stored is refused, given back, and blocks nobody") {
    StreamBench bench(kSound, 2, {"deliveries=3"});
    const std::string a = bench.accepted("a");
    const std::string b = bench.accepted("b");
    int tries = 0;
    // Whatever holds a's entry fails; b's passes.
    const int failures = bench.drain(0, [&](Context& context, std::string_view step) {
        if (step != "before_commit") return;
        if (fate_of(context.mysql(), "bench", a) == Outcome::granted) {
            ++tries;
            throw InjectedError("a cannot be stored");
        }
    });
    // Read with b; then alone, for the second and the third time.
    CHECK(tries == 3);
    CHECK(failures == 2);
    CHECK(bench.poll(a) == Outcome::rejected);
    CHECK(bench.poll(b) == Outcome::granted);
    check_consistent(bench, 1);
    const std::string again = bench.accepted("a");
    CHECK(bench.claim("c") == Outcome::sold_out);
    bench.drain();
    CHECK(bench.poll(again) == Outcome::granted);
    check_consistent(bench, 2);
}

TEST_CASE("async-stream: giving up does not refuse what is stored, and survives its own crash") {
    StreamBench stored(kSound, 2, {"deliveries=2"});
    const std::string a = stored.accepted("a");
    stored.drain(0, dies_at("after_commit"));  // every time: it never comes to acknowledge
    CHECK(stored.poll(a) == Outcome::granted);
    check_consistent(stored, 1);

    StreamBench bench(kSound, 2, {"deliveries=1"});
    const std::string b = bench.accepted("b");
    bench.run_until_it_dies([](Context&, std::string_view step) {
        if (step == "after_read" || step == "before_give_up") throw InjectedError("died");
    });
    CHECK(bench.poll(b) == Outcome::pending);
    bench.drain();
    CHECK(bench.poll(b) == Outcome::granted);
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: a poll that says no, after Redis has lost the claim, is kept to") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    Outcome told = Outcome::unknown;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "after_read") {  // the consumer holds the entry, Redis does not any more
            bench.lose_cache();
            told = bench.poll(a);
        }
        if (step == "after_ack") throw InjectedError("that will do");
    };
    bench.run_until_it_dies(hook);
    CHECK(told == Outcome::rejected);
    CHECK(bench.poll(a) == Outcome::rejected);
    CHECK(bench.state().claims == 0);
    CHECK(bench.state().remaining == 2);
}

TEST_CASE("async-stream: a poll while the claim is being committed waits, and says granted") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    std::thread poller;
    Outcome told = Outcome::unknown;
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "before_commit") {
            bench.lose_cache();
            poller = std::thread([&] {
                Context context(lab_stores(), nullptr);
                told = bench.flow->poll(context, bench.campaign, a)->outcome;
            });
        }
        if (step == "after_ack") throw InjectedError("that will do");
    };
    bench.run_until_it_dies(hook);
    poller.join();
    CHECK(told == Outcome::granted);
    CHECK(bench.poll(a) == Outcome::granted);
    CHECK(bench.state().claims == 1);
}

TEST_CASE("async-stream: what is left from before a campaign was created anew is dropped") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "after_read") bench.flow->prepare(bench.context, bench.campaign);
        if (step == "after_ack") throw InjectedError("that will do");
    };
    bench.run_until_it_dies(hook);
    CHECK(bench.poll(a) == Outcome::rejected);
    check_consistent(bench, 0);
    bench.accepted("a");
    bench.drain();
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: reconcile opens a gate that Redis has lost, by what is stored") {
    StreamBench bench(kSound, 3);
    bench.accepted("a");
    bench.drain();
    bench.lose_cache();
    CHECK_THROWS_AS(bench.claim("b"), EnvironmentError);  // a missing counter is no sell-out
    const json first = *bench.flow->reconcile(bench.context, bench.campaign);
    CHECK(first == json{{"claims", 1},
                        {"queued", 0},
                        {"remaining", {{"was", 2}, {"is", 2}}},
                        {"cache_remaining", {{"was", nullptr}, {"is", 2}}},
                        {"users", {{"was", 0}, {"is", 1}}}});
    check_consistent(bench, 1);
    const json second = *bench.flow->reconcile(bench.context, bench.campaign);
    CHECK(second["cache_remaining"] == json{{"was", 2}, {"is", 2}});
    CHECK(second["users"] == json{{"was", 1}, {"is", 1}});
    CHECK(bench.claim("a") == Outcome::already_claimed);
    bench.accepted("b");
    bench.accepted("c");
    CHECK(bench.claim("d") == Outcome::sold_out);
    bench.drain();
    check_consistent(bench, 3);
    bench.flow->reconcile(bench.context, bench.campaign);
    check_consistent(bench, 3);
}

TEST_CASE("async-stream: reconcile counts what waits in the stream, and what it found wrong") {
    StreamBench bench(kSound, 5);
    bench.accepted("a");
    bench.drain();
    const std::string b = bench.accepted("b");
    bench.run_until_it_dies(dies_at("after_commit"));  // stored, and still in the stream
    const std::string c = bench.accepted("c");
    const StreamKeys keys("bench");
    bench.context.redis().command({"SET", keys.counter, "17"});
    bench.context.redis().command({"DEL", keys.users, keys.claims});
    bench.context.mysql().execute("UPDATE campaigns SET remaining = 1, sold_out = 1 WHERE id = ?",
                                  {"bench"});
    const json mended = *bench.flow->reconcile(bench.context, bench.campaign);
    CHECK(mended == json{{"claims", 2},
                         {"queued", 1},
                         {"remaining", {{"was", 1}, {"is", 3}}},
                         {"cache_remaining", {{"was", 17}, {"is", 2}}},
                         {"users", {{"was", 0}, {"is", 3}}}});
    CHECK(bench.cached_users() == std::set<std::string>{"a", "b", "c"});
    CHECK(bench.poll(b) == Outcome::granted);
    CHECK(bench.poll(c) == Outcome::pending);
    bench.drain();
    CHECK(bench.poll(c) == Outcome::granted);
    check_consistent(bench, 3);
}

TEST_CASE("async-stream: streams of several campaigns are found, and forgotten when empty") {
    StreamBench bench(kSound, 2);
    Campaign other = bench.campaign;
    other.id = "other";
    bench.flow->prepare(bench.context, other);
    bench.accepted("a");
    bench.flow->claim(bench.context, other, "a");
    auto found = ClaimStream::with_entries(bench.context);
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<std::string>{"bench", "other"});
    bench.drain();
    bench.campaign = other;
    bench.drain();
    CHECK(bench.state().claims == 1);
    CHECK(ClaimStream::with_entries(bench.context).empty());
}

TEST_CASE("async-stream: a stream without its group, and entries nobody can read, stop nothing") {
    StreamBench bench(kSound, 2);
    const std::string a = bench.accepted("a");
    const std::string stream = bench.stream().keys().stream;
    bench.context.redis().command({"XGROUP", "DESTROY", stream, "persist"});
    bench.context.redis().command({"XADD", stream, "*", "something", "else"});
    bench.drain();
    CHECK(bench.poll(a) == Outcome::granted);
    check_consistent(bench, 1);
}

TEST_CASE("async-stream: per_user above one is refused, as the gate knows users once") {
    for (const char* name : {kSound, kAckFirst, kNoIdempotence}) {
        StreamBench bench(name, 2);
        bench.campaign.per_user = 2;
        CHECK_THROWS_AS(bench.flow->check(bench.campaign), BadRequest);
    }
}

TEST_CASE("the steps a consumer passes are those its flow's entry lists, all of them") {
    for (const char* name : {kSound, kAckFirst, kNoIdempotence}) {
        INFO(name);
        StreamBench bench(name, 2);
        bench.accepted("a");
        std::set<std::string> passed;
        bench.drain(0, [&](Context&, std::string_view step) { passed.emplace(step); });
        if (std::string(name) == kSound) passed.insert("before_give_up");
        const auto& listed = bench.entry.background_steps;
        CHECK(passed == std::set<std::string>(listed.begin(), listed.end()));
    }
}

TEST_CASE("ack-first: a consumer that dies after the acknowledgement loses what it told granted") {
    StreamBench bench(kAckFirst, 2);
    const std::string a = bench.accepted("a");
    CHECK(bench.poll(a) == Outcome::granted);  // nothing is stored yet
    CHECK(bench.state().claims == 0);
    bench.run_until_it_dies(dies_at("after_ack"));
    CHECK(bench.backlog() == 0);
    const std::string b = bench.accepted("b");
    bench.drain();
    CHECK(bench.poll(a) == Outcome::granted);
    CHECK(bench.poll(b) == Outcome::granted);
    CHECK(bench.state().claims == 1);
    CHECK(bench.state().remaining == 1);
    CHECK(bench.state().cache_remaining == 0);
    CHECK(bench.claim("c") == Outcome::sold_out);
    CHECK(bench.claim("a") == Outcome::already_claimed);
}

TEST_CASE("ack-first: as long as no consumer fails, everything is stored") {
    StreamBench bench(kAckFirst, 2);
    bench.accepted("a");
    bench.accepted("b");
    bench.drain();
    check_consistent(bench, 2);
    CHECK(bench.poll("0123-4") == Outcome::rejected);
}

TEST_CASE("no-idempotence: a crash between the write and the acknowledgement doubles the rows") {
    StreamBench bench(kNoIdempotence, 2);
    const std::string a = bench.accepted("a");
    bench.accepted("b");
    CHECK(bench.poll(a) == Outcome::pending);
    bench.run_until_it_dies(dies_at("after_commit"));
    CHECK(bench.poll(a) == Outcome::granted);
    bench.drain();
    CHECK(deliveries_stored(bench, "a") == 2);
    CHECK(deliveries_stored(bench, "b") == 2);
    CHECK(bench.state().claims == 4);
    CHECK(bench.state().remaining == -2);
    CHECK(bench.state().sold_out);
    CHECK(bench.state().cache_remaining == 0);
}

TEST_CASE("no-idempotence: a consumer that stalls is taken over, and its claims stored twice") {
    StreamBench bench(kNoIdempotence, 5, {"idle=1ms"});
    bench.accepted("a");
    bool taken_over = false;
    bench.drain(0, [&](Context&, std::string_view step) {
        if (step != "after_read" || std::exchange(taken_over, true)) return;
        bench.drain(1);
    });
    CHECK(deliveries_stored(bench, "a") == 2);
}

TEST_CASE("no-idempotence: without a fault every claim has one row") {
    StreamBench bench(kNoIdempotence, 2);
    const std::string a = bench.accepted("a");
    bench.accepted("b");
    bench.drain();
    CHECK(bench.state().claims == 2);
    CHECK(bench.state().remaining == 0);
    CHECK(bench.state().sold_out);
    CHECK(bench.poll(a) == Outcome::granted);
    CHECK(bench.poll("0123-4") == Outcome::rejected);
    CHECK(bench.poll("x") == Outcome::rejected);
}

namespace {

/// Polls until the answer is no longer "pending".
json polled(const RunningServer& server, const std::string& campaign, const std::string& id) {
    const std::string path = "/campaigns/" + campaign + "/claims/" + id;
    const auto until = std::chrono::steady_clock::now() + kPatience;
    TestClient client(server.port());
    while (std::chrono::steady_clock::now() < until) {
        const auto response = client.request("GET", path);
        if (response.status != 202) return json::parse(response.body);
    }
    return {{"outcome", "pending"}};
}

}  // namespace

TEST_CASE("async-stream over HTTP under a hammer: all that was accepted is granted, exactly") {
    RunningServer server(RunningServer::options(kSound));
    server.create("hammered", 100);
    const auto told = hammer(server.port(), "hammered", 1000, 32);
    CHECK(told.count("pending") == 100);
    CHECK(told.count("pending") + told.count("sold_out") + told.count("already_claimed") == 1200);
    RedisConnection redis(lab_stores().redis);
    const auto ids = redis.command({"HKEYS", StreamKeys("hammered").claims});
    CHECK(ids.elements().size() == 100);
    for (const Reply& id : ids.elements()) {
        const json answer = polled(server, "hammered", id.text());
        REQUIRE(answer == json{{"outcome", "granted"}, {"claim_id", id.text()}});
    }
    const auto state = server.state("hammered");
    CHECK(state["claims"] == 100);
    CHECK(state["remaining"] == 0);
    CHECK(state["cache_remaining"] == 0);
    CHECK(state["sold_out"] == true);
}

TEST_CASE("async-stream over HTTP: what a server left in the stream, the next one stores") {
    std::string id;
    {
        auto options = RunningServer::options(kSound);
        options.step_hook = dies_at("before_commit");
        const RunningServer server(options);
        server.create("survivor", 2);
        const auto accepted = server.claim("survivor", "a");
        REQUIRE(accepted.status == 202);
        id = json::parse(accepted.body)["claim_id"];
        CHECK(server.state("survivor")["claims"] == 0);
    }
    const RunningServer server(RunningServer::options(kSound));
    CHECK(polled(server, "survivor", id)["outcome"] == "granted");
    CHECK(server.claim("survivor", "a").status == 409);
    CHECK(server.state("survivor")["claims"] == 1);
    const auto missing = server.request("GET", "/campaigns/survivor/claims/never-given");
    CHECK(missing.status == 400);
    const auto mended = server.request("POST", "/campaigns/survivor/reconcile");
    CHECK(mended.status == 200);
    CHECK(json::parse(mended.body)["claims"] == 1);
}
