#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "reference_server/flows/envelope_store.h"
#include "reference_server/flows/envelope_tickets.h"
#include "tests/support/envelope_bench.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using namespace claimstorm::test;

namespace {

ClaimResult claim(Bench& bench, const std::string& user) {
    return bench.flow->claim(bench.context, bench.campaign, user);
}

ClaimResult claim(Bench& bench, const std::string& user, const StepHook& hook) {
    Context context(lab_stores(), &hook);
    return bench.flow->claim(context, bench.campaign, user);
}

/// What a restart of Redis without persistence leaves of the campaign.
void lose_cache(Context& context) {
    for (const Reply& key : context.redis().command({"KEYS", "cs:bench:*"}).elements()) {
        context.redis().command({"DEL", key.text()});
    }
}

const std::vector<std::string> envelope_flows = {"envelope/locked",
                                                 "envelope/locked/unlocked",
                                                 "envelope/id-table/guarded",
                                                 "envelope/incr-once",
                                                 "envelope/incr-once/trusting",
                                                 "envelope/queue",
                                                 "envelope/id-table",
                                                 "envelope/incr"};

const std::vector<std::string> sound_flows = {"envelope/locked", "envelope/id-table/guarded",
                                              "envelope/incr-once"};

}  // namespace

TEST_CASE("every envelope flow hands out X envelopes and Y cents to claims one after the other") {
    for (const std::string& name : envelope_flows) {
        INFO(name);
        Bench bench(name, 3);
        for (const char* user : {"a", "b", "c"}) {
            const ClaimResult result = claim(bench, user);
            CHECK(result.outcome == Outcome::granted);
            const EnvelopeRow row = winners(bench).back();
            CHECK(row.user == user);
            CHECK(row.claim_id == result.claim_id);
            CHECK(row.ticket == result.ticket);
            CHECK(row.cents == result.amount_cents);
            CHECK(row.cents >= 1);
        }
        CHECK(claim(bench, "d").outcome == Outcome::sold_out);
        CHECK(who_has_what(winners(bench)) == "a:HB1 b:HB2 c:HB3");
        CHECK(sum_of(winners(bench)) == 300);
        CHECK(bench.state().claims == 3);
        CHECK(bench.state().remaining == 0);
        CHECK(bench.state().sold_out);
        bench.flow->prepare(bench.context, bench.campaign);
        CHECK(winners(bench).empty());
        CHECK(bench.state().remaining == 3);
        CHECK_FALSE(bench.state().sold_out);
        CHECK(claim(bench, "d").outcome == Outcome::granted);
    }
}

TEST_CASE("a second click is told so by every envelope flow but the one that asks nobody") {
    for (const std::string& name : envelope_flows) {
        INFO(name);
        Bench bench(name, 3);
        claim(bench, "a");
        const bool asks = name != "envelope/incr";
        CHECK(claim(bench, "a").outcome == (asks ? Outcome::already_claimed : Outcome::granted));
        CHECK(winners(bench).size() == (asks ? 1 : 2));
    }
}

TEST_CASE("an envelope campaign that cannot be split is refused, with what is wrong") {
    const auto& flow = find_flow("envelope/locked");
    const auto made = flow.make(FlowOptions(flow.name, flow.options, {}));
    Campaign campaign{"bench", CampaignKind::envelope, 10, 1, 10};
    CHECK_NOTHROW(made->check(campaign));
    campaign.budget_cents = 9;
    CHECK_THROWS_WITH(made->check(campaign), Catch::Matchers::Contains("at least 10"));
    campaign.budget_cents.reset();
    CHECK_THROWS_AS(made->check(campaign), BadRequest);
    campaign = {"bench", CampaignKind::envelope, 0, 1, 10};
    CHECK_THROWS_WITH(made->check(campaign), Catch::Matchers::Contains("from 1 to"));
    campaign.stock = kMostEnvelopes + 1;
    campaign.budget_cents = campaign.stock;
    CHECK_THROWS_WITH(made->check(campaign), Catch::Matchers::Contains("1000000"));
    campaign = {"bench", CampaignKind::envelope, 10, 2, 10};
    CHECK_THROWS_WITH(made->check(campaign), Catch::Matchers::Contains("per_user"));
}

TEST_CASE("envelopes made beforehand are split as the option says") {
    Bench float_shares("envelope/id-table/guarded", 100, {"split=float-shares"});
    Bench cuts("envelope/queue", 100, {"split=line-cut"});
    std::int64_t cents = 0;
    for (int i = 0; i < 100; ++i) cents += *claim(cuts, std::to_string(i)).amount_cents;
    CHECK(cents == 10000);
}

TEST_CASE("unlocked: two claims that both read the last envelope both take all that is left") {
    Bench bench("envelope/locked/unlocked", 1);
    const auto [one, other] = Meeting("after_read").run(bench, "a", "b");
    CHECK(one == Outcome::granted);
    CHECK(other == Outcome::granted);
    CHECK(winners(bench).size() == 2);
    CHECK(sum_of(winners(bench)) == 200);
    CHECK(winners(bench)[0].ticket == winners(bench)[1].ticket);
    CHECK(bench.state().remaining == -1);
    Bench clicks("envelope/locked/unlocked", 10);
    Meeting("after_read").run(clicks, "a", "a");
    CHECK(winners(clicks).size() == 2);
}

TEST_CASE("locked: what was read before the lock is read again behind it") {
    Bench last("envelope/locked", 1);
    const auto [one, other] = Meeting("after_read").run(last, "a", "b");
    CHECK(((one == Outcome::granted) != (other == Outcome::granted)));
    CHECK(((one == Outcome::sold_out) != (other == Outcome::sold_out)));
    CHECK(sum_of(winners(last)) == 100);
    Bench clicks("envelope/locked", 5);
    Meeting("after_read").run(clicks, "a", "a");
    CHECK(winners(clicks).size() == 1);
    CHECK(clicks.state().remaining == 4);
}

TEST_CASE("locked: two holders of an expired lease hand out one envelope once") {
    const std::vector<std::string> expired = {"ttl=1ms", "wait=5s"};
    Bench last("envelope/locked", 1, expired);
    Meeting("in_lock").run(last, "a", "b");
    CHECK(winners(last).size() == 1);
    CHECK(sum_of(winners(last)) == 100);
    CHECK(payouts(last).size() == 1);
    Bench clicks("envelope/locked", 5, expired);
    Meeting("in_lock").run(clicks, "a", "a");
    CHECK(winners(clicks).size() == 1);
    Bench two("envelope/locked", 5, expired);
    Meeting("in_lock").run(two, "a", "b");
    CHECK(winners(two).size() == 2);
    CHECK(winners(two)[1].claim_id == "HB2");
}

TEST_CASE("locked: a lock that somebody else holds is waited for, then 503, and left alone") {
    Bench bench("envelope/locked", 5, {"wait=20ms"});
    bench.context.redis().command({"SET", key_of("bench", "lock"), "somebody"});
    CHECK(claim(bench, "a").outcome == Outcome::throttled);
    CHECK(bench.context.redis().command({"GET", key_of("bench", "lock")}).text() == "somebody");
    CHECK(winners(bench).empty());
}

TEST_CASE("id-table: a second click burns an id, and with it an envelope") {
    Bench bench("envelope/id-table", 3);
    claim(bench, "a");
    claim(bench, "a");
    CHECK(claim(bench, "b").claim_id == "HB3");
    CHECK(claim(bench, "c").outcome == Outcome::sold_out);
    CHECK(who_has_what(winners(bench)) == "a:HB1 b:HB3");
    CHECK(bench.state().remaining == 1);
}

TEST_CASE("guarded: neither one click behind the other nor two at once burn an id") {
    Bench bench("envelope/id-table/guarded", 3);
    claim(bench, "a");
    claim(bench, "a");
    const auto [one, other] = Meeting("after_read").run(bench, "b", "b");
    CHECK(((one == Outcome::granted) != (other == Outcome::granted)));
    CHECK(((one == Outcome::already_claimed) != (other == Outcome::already_claimed)));
    CHECK(claim(bench, "c").claim_id == "HB3");
    CHECK(claim(bench, "d").outcome == Outcome::sold_out);
    CHECK(who_has_what(winners(bench)) == "a:HB1 b:HB2 c:HB3");
}

TEST_CASE("guarded: the number of a claim that failed goes to a later one") {
    for (const char* step : {"after_id", "before_commit"}) {
        INFO(step);
        Bench bench("envelope/id-table/guarded", 2);
        CHECK_THROWS_AS(claim(bench, "a", failing_at(step)), InjectedError);
        CHECK(claim(bench, "b").claim_id == "HB2");
        CHECK(claim(bench, "c").claim_id == "HB1");
        CHECK(claim(bench, "a").outcome == Outcome::sold_out);
        CHECK(claim(bench, "a").outcome == Outcome::sold_out);  // now without asking the tables
        CHECK(claim(bench, "b").outcome == Outcome::already_claimed);
        CHECK(who_has_what(winners(bench)) == "c:HB1 b:HB2");
    }
}

TEST_CASE("guarded: nobody is told 'gone' while the last number is on its way to somebody") {
    for (const bool fails : {false, true}) {
        INFO((fails ? "who fails" : "who gets it"));
        Bench bench("envelope/id-table/guarded", 1);
        std::future<ClaimResult> other;
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step != "before_commit") return;
            other = claim_beside(bench, "b");
            await_lock_wait();
            if (fails) throw InjectedError("injected");
        };
        if (fails) {
            CHECK_THROWS_AS(claim(bench, "a", hook), InjectedError);
        } else {
            CHECK(claim(bench, "a", hook).outcome == Outcome::granted);
        }
        CHECK(other.get().outcome == (fails ? Outcome::granted : Outcome::sold_out));
        CHECK(who_has_what(winners(bench)) == (fails ? "b:HB1" : "a:HB1"));
    }
}

TEST_CASE("incr: one user has two envelopes, and a failed claim burns its ticket") {
    Bench bench("envelope/incr", 3);
    claim(bench, "a");
    claim(bench, "a");
    CHECK_THROWS_AS(claim(bench, "b", failing_at("after_ticket")), InjectedError);
    CHECK(claim(bench, "b").outcome == Outcome::sold_out);
    CHECK(who_has_what(winners(bench)) == "a:HB1 a:HB2");
}

TEST_CASE("incr-once: a claim that fails gives its ticket back, and its user may claim again") {
    for (const char* step : {"after_ticket", "before_commit"}) {
        INFO(step);
        Bench bench("envelope/incr-once", 2);
        CHECK_THROWS_AS(claim(bench, "a", failing_at(step)), InjectedError);
        CHECK(claim(bench, "b").claim_id == "HB1");
        CHECK(claim(bench, "a").claim_id == "HB2");
        CHECK(claim(bench, "c").outcome == Outcome::sold_out);
    }
    Bench bench("envelope/incr-once", 2);
    CHECK_THROWS_AS(claim(bench, "a", failing_at("after_commit")), InjectedError);
    CHECK(claim(bench, "a").outcome == Outcome::already_claimed);
    CHECK(who_has_what(winners(bench)) == "a:HB1");
}

TEST_CASE("incr-once: a Redis that lost everything is told by the table, and nobody wins twice") {
    Bench bench("envelope/incr-once", 3);
    claim(bench, "a");
    CHECK_THROWS_AS(claim(bench, "b", failing_at("before_commit")), InjectedError);
    claim(bench, "c");
    claim(bench, "d");
    CHECK(who_has_what(winners(bench)) == "a:HB1 c:HB2 d:HB3");
    lose_cache(bench.context);
    CHECK(claim(bench, "e").outcome == Outcome::sold_out);
    for (const char* user : {"a", "c", "d"}) {
        CHECK(claim(bench, user).outcome == Outcome::already_claimed);
    }
    CHECK(winners(bench).size() == 3);
}

TEST_CASE("incr-once: a ticket below the highest that nobody has is found again after a loss") {
    Bench bench("envelope/incr-once", 3);
    {
        TicketHold dead(bench.context, "bench", "a");
        CHECK(dead.take(3) == 1);
        dead.keep();  // as a crash would
    }
    claim(bench, "b");
    lose_cache(bench.context);
    CHECK(claim(bench, "c").claim_id == "HB1");
    CHECK(claim(bench, "a").claim_id == "HB3");
    CHECK(claim(bench, "d").outcome == Outcome::sold_out);
}

TEST_CASE("incr-once: of two claims with one ticket the second takes what the first leaves") {
    for (const bool fails : {false, true}) {
        INFO((fails ? "the first fails" : "the first is stored"));
        Bench bench("envelope/incr-once", 2);
        std::future<ClaimResult> other;
        const StepHook hook = [&](Context& context, std::string_view step) {
            if (step != "before_commit") return;
            lose_cache(context);
            other = claim_beside(bench, "b");
            await_lock_wait();
            if (fails) throw InjectedError("injected");
        };
        if (fails) {
            CHECK_THROWS_AS(claim(bench, "a", hook), InjectedError);
        } else {
            CHECK(claim(bench, "a", hook).outcome == Outcome::granted);
        }
        CHECK(other.get().claim_id == (fails ? "HB1" : "HB2"));
        CHECK(claim(bench, "a").outcome == (fails ? Outcome::granted : Outcome::already_claimed));
        CHECK(who_has_what(winners(bench)) == (fails ? "b:HB1 a:HB2" : "a:HB1 b:HB2"));
    }
}

TEST_CASE("incr-once: reconcile puts Redis to what is stored, and again changes nothing") {
    Bench bench("envelope/incr-once", 3);
    {
        TicketHold dead(bench.context, "bench", "a");
        dead.take(3);
        dead.keep();  // as a crash would
    }
    claim(bench, "b");
    CHECK(claim(bench, "a").outcome == Outcome::already_claimed);  // locked out
    const auto mended = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK(mended->at("claims") == 1);
    CHECK(mended->at("found") ==
          nlohmann::ordered_json{{"users", 2}, {"under_way", 1}, {"returned", 0}});
    CHECK(mended->at("now") ==
          nlohmann::ordered_json{{"users", 1}, {"under_way", 0}, {"returned", 1}});
    const auto again = bench.flow->reconcile(bench.context, bench.campaign);
    CHECK(again->at("found") == again->at("now"));
    CHECK(claim(bench, "b").outcome == Outcome::already_claimed);
    CHECK(claim(bench, "a").claim_id == "HB1");
    CHECK(claim(bench, "c").claim_id == "HB3");
    CHECK(claim(bench, "d").outcome == Outcome::sold_out);
}

TEST_CASE("trusting: a Redis that lost everything hands every number out a second time") {
    Bench bench("envelope/incr-once/trusting", 2);
    claim(bench, "a");
    claim(bench, "b");
    lose_cache(bench.context);
    CHECK(claim(bench, "a").claim_id == "HB1");
    CHECK(claim(bench, "c").claim_id == "HB2");
    CHECK(winners(bench).size() == 4);
    CHECK(sum_of(winners(bench)) == 400);
}

TEST_CASE("queue: a claim that fails behind the list loses its envelope and locks its user out") {
    Bench bench("envelope/queue", 2);
    CHECK_THROWS_AS(claim(bench, "a", failing_at("after_pop")), InjectedError);
    CHECK(claim(bench, "a").outcome == Outcome::already_claimed);
    claim(bench, "b");
    CHECK(claim(bench, "c").outcome == Outcome::sold_out);
    CHECK(who_has_what(winners(bench)) == "b:HB2");
    CHECK(bench.state().cache_remaining == 0);
}

TEST_CASE("queue: seeded again, it finds what was lost, and hands out twice what was on its way") {
    Bench lost("envelope/queue", 1, {"reseed=on-empty"});
    CHECK_THROWS_AS(claim(lost, "a", failing_at("after_pop")), InjectedError);
    CHECK(claim(lost, "b").claim_id == "HB1");
    CHECK(claim(lost, "c").outcome == Outcome::sold_out);
    Bench bench("envelope/queue", 1, {"reseed=on-empty"});
    const StepHook hook = [&](Context&, std::string_view step) {
        if (step == "after_pop") CHECK(claim_beside(bench, "b").get().claim_id == "HB1");
    };
    CHECK(claim(bench, "a", hook).claim_id == "HB1");
    CHECK(winners(bench).size() == 2);
}

TEST_CASE("sound envelope flows hold whatever fails at any of their steps") {
    for (const std::string& name : sound_flows) {
        for (const std::string& step : find_flow(name).steps) {
            INFO(name << " at " << step);
            Bench bench(name, 2);
            CHECK_THROWS_AS(claim(bench, "a", failing_at(step)), InjectedError);
            claim(bench, "a");
            claim(bench, "b");
            CHECK(claim(bench, "c").outcome == Outcome::sold_out);
            CHECK(winners(bench).size() == 2);
            CHECK(winners(bench)[0].user != winners(bench)[1].user);
            CHECK(sum_of(winners(bench)) == 200);
            CHECK(bench.context.redis().command({"EXISTS", key_of("bench", "lock")}).integer() ==
                  0);
        }
    }
}
