// What a poll asks by: the claim id that the pending answer carried, or an id of its own.
#include <atomic>
#include <filesystem>
#include <functional>
#include <map>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/storm.h"
#include "tests/support/polled_storm.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;

TEST_CASE("a poll's answer that carries a claim id has the last word on it") {
    PolledServer service([](const std::string&, int) { return granted(R"({"id":"order-17"})"); });
    PolledStorm storm(service.server);
    CHECK(storm.texts.view(storm.fire_one().claim_id) == "order-17");
}

TEST_CASE("a pending answer without the claim id that the poll needs stays pending at once") {
    ScriptedServer server([](const std::string& request, int) {
        return is_poll(request) ? granted() : ScriptedAnswer{http_answer(202, "{}")};
    });
    PolledStorm storm(server, 3, 1);
    CHECK(outcomes_of(storm.fire())[Outcome::pending] == 3);
    CHECK(server.requests() == 3);
    std::filesystem::remove(storm.folder.path / "history.bin");
    storm.order.endpoint.poll->request.path = "/result/c-{user}";
    storm.users = {};
    CHECK(outcomes_of(storm.fire())[Outcome::granted] == 3);
}

TEST_CASE("a claim that is queued under an id of its own is asked after by that one") {
    ScriptedServer server([](const std::string& request, int) {
        if (!is_poll(request)) {
            return ScriptedAnswer{http_answer(202, R"({"job":"j-)" + user_of(request) + "\"}")};
        }
        // A job that a poll's answer names is none that was asked for.
        if (request.starts_with("GET /result/j-u1 ")) return granted(R"({"id":"order-1"})");
        if (request.starts_with("GET /result/j-u2 ")) return granted();
        return ScriptedAnswer{http_answer(202, R"({"job":"j-u1"})")};
    });
    PolledStorm storm(server, 3, 1);
    storm.order.endpoint.fields.poll_id = "/job";
    storm.order.endpoint.poll->request.path = "/result/{poll_id}";
    storm.order.endpoint.poll->until = 150ms;
    std::map<std::string, Attempt> by_user;
    for (const Attempt& attempt : storm.fire()) {
        by_user.emplace(storm.users.name(attempt.user), attempt);
    }
    REQUIRE(by_user.size() == 3);
    CHECK(by_user["u1"].outcome == Outcome::granted);
    CHECK(storm.texts.view(by_user["u1"].claim_id) == "order-1");
    // The job is no claim id: nothing in the stores is called so.
    CHECK(by_user["u2"].outcome == Outcome::granted);
    CHECK(by_user["u2"].claim_id == kNoText);
    CHECK(by_user["u3"].outcome == Outcome::pending);
    CHECK(by_user["u3"].claim_id == kNoText);
}

TEST_CASE("a pending answer may carry a claim id beside the one it is asked after by") {
    std::atomic<int> polls{0};
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) {
            return ScriptedAnswer{http_answer(202, R"({"id":17})", "Location: /result/j-7\r\n")};
        }
        CHECK(request.starts_with("GET /result/j-7?claim=17 "));
        return ++polls < 3 ? ScriptedAnswer{http_answer(202, "{}")} : granted();
    });
    PolledStorm storm(server);
    storm.order.endpoint.fields.poll_id = FieldSource::of_header("Location", "/result/(.*)");
    storm.order.endpoint.poll->request.path = "/result/{poll_id}?claim={claim_id}";
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(storm.texts.view(attempt.claim_id) == "17");
    CHECK(polls == 3);
}

TEST_CASE("a pending answer without the poll id that is asked by stays pending at once") {
    ScriptedServer server([](const std::string& request, int) {
        return is_poll(request) ? granted() : accepted(request);
    });
    PolledStorm storm(server);
    storm.order.endpoint.fields.poll_id = "/job";
    storm.order.endpoint.poll->request.path = "/result/{poll_id}";
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::pending);
    CHECK(storm.texts.view(attempt.claim_id) == "c-u1");
    CHECK(server.requests() == 1);
}

TEST_CASE("a claim id is escaped for the place it is put into") {
    std::string seen;
    ScriptedServer server([&](const std::string& request, int) {
        if (request.starts_with("POST /claim"))
            return ScriptedAnswer{http_answer(202, R"({"id":"a/b \"c\"\r\nX: y"})")};
        seen = request;
        return granted();
    });
    PolledStorm storm(server);
    storm.order.endpoint.claim.path = "/claim";
    storm.order.endpoint.poll->request = {"POST",
                                          "/r/{claim_id}?c={campaign}&u={user}&n={n}&a={attempt}",
                                          {{"X-Claim", "{claim_id}"}},
                                          R"({"id":"{claim_id}"})",
                                          true};
    CHECK(storm.fire_one().outcome == Outcome::granted);
    CHECK(seen.starts_with("POST /r/a%2Fb%20%22c%22%0D%0AX%3A%20y?c=1&u=u1&n=1&a=1 HTTP/1.1\r\n"));
    CHECK(seen.find("\r\nX-Claim: a/b \"c\"  X: y\r\n") != std::string::npos);
    CHECK(seen.ends_with(R"({"id":"a/b \"c\"\u000d\u000aX: y"})"));
}

TEST_CASE("a dry run shows the poll that a pending answer would lead to") {
    StormOrder order;
    order.endpoint.base_url = "http://127.0.0.1:3000/shop";
    order.endpoint.outcomes = {{202, {}, {}, Outcome::pending}};
    order.endpoint.fields.claim_id = "/id";
    CHECK(poll_text(order, {}, "c9", "p9").empty());
    order.endpoint.poll = PollSpec{{"GET", "/result/{claim_id}/{user}", {}, "", false}};
    CHECK(poll_text(order, {0, 4, 1}, "c9", "p9").starts_with("GET /shop/result/c9/u5 HTTP"));
    order.endpoint.fields.poll_id = "/token";
    order.endpoint.poll->request.path = "/result/{poll_id}/{claim_id}";
    CHECK(poll_text(order, {0, 4, 1}, "c9", "p9").starts_with("GET /shop/result/p9/c9 HTTP"));
}

TEST_CASE("a poll that could never go out is refused before anything is sent") {
    StormOrder order;
    order.endpoint.base_url = "http://127.0.0.1:3000";
    order.endpoint.outcomes = {{202, {}, {}, Outcome::pending}};
    order.endpoint.fields.claim_id = "/id";
    order.endpoint.poll = PollSpec{{"GET", "/result/{claim_id}", {}, "", false}};
    CHECK_NOTHROW(require_fireable(order));
    const auto refusal = [&](const std::function<void(EndpointSpec&)>& spoil) {
        StormOrder spoilt = order;
        spoil(spoilt.endpoint);
        try {
            require_fireable(spoilt);
        } catch (const UsageError& error) {
            return std::string(error.what());
        }
        return std::string("no error");
    };
    CHECK(refusal([](EndpointSpec& spec) { spec.poll->request.path = "/{claim_di}"; }) ==
          "poll.path: unknown placeholder {claim_di}; did you mean {claim_id}?");
    CHECK(refusal([](EndpointSpec& spec) {
              spec.claim.path = "/{claim_id}";
          }).starts_with("claim.path: unknown placeholder {claim_id}; "));
    CHECK(refusal([](EndpointSpec& spec) {
              spec.fields.claim_id = {};
          }).starts_with("poll: {claim_id} comes from the answer"));
    CHECK(refusal([](EndpointSpec& spec) {
              spec.poll->request.headers = {{"X-Job", "{poll_id}"}};
          }).starts_with("poll: {poll_id} comes from the answer to the claim: say where with"));
    CHECK(refusal([](EndpointSpec& spec) { spec.fields.poll_id = "/job"; }) ==
          "poll: fields.poll_id is read for nothing: the poll asks by no {poll_id}");
    CHECK(refusal([](EndpointSpec& spec) {
              spec.fields.poll_id = "/job";
              spec.poll.reset();
          }) == "poll: fields.poll_id is what a poll asks by, and there is no poll");
    CHECK(refusal([](EndpointSpec& spec) {
              spec.fields = {};
              spec.fields.poll_id = "/job";
              spec.poll->request = {"POST", "/jobs", {}, R"({"job":"{poll_id}"})", true};
          }) == "no error");
    CHECK(refusal([](EndpointSpec& spec) {
              spec.outcomes[0].is = Outcome::granted;
          }).starts_with("poll: no rule of outcomes says \"pending\""));
    CHECK(refusal([](EndpointSpec& spec) {
              spec.poll->every = 0ms;
          }).starts_with("poll: 'every' is"));
    CHECK(refusal([](EndpointSpec& spec) {
              spec.poll->until = 50ms;
          }).starts_with("poll: 'until' must be"));
}
