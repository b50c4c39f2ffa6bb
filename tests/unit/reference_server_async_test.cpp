// A flow of the asynchronous kind, written as any other flow would be, to show that the server
// carries one: claims answer pending, a background loop stores them, clients poll, the event is
// archived, and the evidence names the backlog.
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"
#include "reference_server/flows/coupon_reads.h"
#include "tests/support/running_server.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using nlohmann::json;

namespace {

class QueuedFlow : public Flow {
  public:
    void create_schema(Context& context) override {
        Flow::create_schema(context);
        context.mysql().execute_text(
            "CREATE TABLE IF NOT EXISTS archive (campaign VARCHAR(64), user VARBINARY(64))");
    }
    void prepare(Context& context, const Campaign& campaign) override {
        Flow::prepare(context, campaign);
        context.redis().command({"DEL", key_of(campaign.id, "queue"), key_of(campaign.id, "done")});
        context.redis().command({"SADD", "cs:queued-campaigns", campaign.id});
    }
    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        const auto left = context.redis().command({"DECR", remaining_key(campaign.id)}).integer();
        if (left < 0) return {Outcome::sold_out};
        context.redis().command({"LPUSH", key_of(campaign.id, "queue"), user});
        return {Outcome::pending, std::string(user)};
    }
    std::optional<ClaimResult> poll(Context& context, const Campaign& campaign,
                                    std::string_view claim_id) override {
        const auto done = context.redis().command({"HGET", key_of(campaign.id, "done"), claim_id});
        if (done.is_nil()) return ClaimResult{Outcome::pending, std::string(claim_id)};
        return ClaimResult{Outcome::granted, std::string(claim_id), done.integer(), 500};
    }
    std::optional<nlohmann::ordered_json> close(Context& context,
                                                const Campaign& campaign) override {
        const auto moved = context.mysql().execute(
            "INSERT INTO archive SELECT campaign_id, user_id FROM claims WHERE campaign_id = ?",
            {campaign.id});
        return nlohmann::ordered_json{{"archived", moved.affected_rows}};
    }
    std::vector<BackgroundWork> background() override {
        return {{"consumer", [](Context& context, const std::stop_token& stop) {
                     while (!stop.stop_requested()) consume(context);
                 }}};
    }
    nlohmann::ordered_json evidence() const override {
        auto evidence = Flow::evidence();
        evidence["redis"]["backlog"] = {"LLEN", key_of("{campaign}", "queue")};
        evidence["poll"] = {{"path", "/campaigns/{campaign}/claims/{claim_id}"}, {"every", "50ms"}};
        return evidence;
    }

  private:
    static void consume(Context& context) {
        for (const Reply& id :
             context.redis().command({"SMEMBERS", "cs:queued-campaigns"}).elements()) {
            const auto taken =
                context.redis().command({"BRPOP", key_of(id.text(), "queue"), "0.05"});
            if (taken.is_nil()) continue;
            const std::string user = taken.elements()[1].text();
            Campaign campaign;
            campaign.id = id.text();
            const auto row = insert_claim(context.mysql(), campaign, user);
            context.step("after_store");
            context.redis().command(
                {"HSET", key_of(campaign.id, "done"), user, std::to_string(row)});
        }
    }
};

ServerOptions queued_options() {
    auto options = RunningServer::options("coupon/naive");
    options.flow.name = "test/queued";
    options.flow.options.clear();
    options.flow.background_steps = {"after_store"};
    options.flow.make = [](const FlowOptions&) -> std::unique_ptr<Flow> {
        return std::make_unique<QueuedFlow>();
    };
    return options;
}

}  // namespace

TEST_CASE("an asynchronous flow fits in: pending, consumed behind, polled, archived") {
    RedisConnection redis(parse_redis_url(shared_lab().redis_url()));
    redis.command({"DEL", "cs:queued-campaigns"});
    RunningServer server(queued_options());
    server.create("queued", 1);
    const auto accepted = server.claim("queued", "a");
    CHECK(accepted.status == 202);
    CHECK(json::parse(accepted.body) == json{{"outcome", "pending"}, {"claim_id", "a"}});
    CHECK(server.claim("queued", "b").status == 410);

    TestResponse polled;
    for (int tries = 0; tries < 10'000 && polled.status != 200; ++tries) {
        polled = server.request("GET", "/campaigns/queued/claims/a");
        REQUIRE((polled.status == 200 || polled.status == 202));
    }
    const auto granted = json::parse(polled.body);
    CHECK(granted["outcome"] == "granted");
    CHECK(granted["ticket"].is_number_integer());
    CHECK(granted["amount_cents"] == 500);
    CHECK(server.state("queued")["claims"] == 1);
    const auto closed = server.request("POST", "/campaigns/queued/close");
    CHECK(closed.status == 200);
    CHECK(json::parse(closed.body) == json{{"archived", 1}});
    const json target = server.server().target_file();
    CHECK(target["redis"]["backlog"] == json{"LLEN", "cs:{campaign}:queue"});
    CHECK(target["poll"]["every"] == "50ms");
}

TEST_CASE("background work that fails is begun again") {
    int failures = 0;
    auto options = queued_options();
    options.step_hook = [&](Context&, std::string_view step) {
        if (step == "after_store" && ++failures == 1) throw std::runtime_error("injected");
    };
    RunningServer server(options);
    server.create("queued", 5);
    server.claim("queued", "lost");
    server.claim("queued", "stored");
    int status = 0;
    for (int tries = 0; tries < 10'000 && status != 200; ++tries) {
        status = server.request("GET", "/campaigns/queued/claims/stored").status;
    }
    CHECK(status == 200);
    CHECK(server.state("queued")["claims"] == 2);
}
