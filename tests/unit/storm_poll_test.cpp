// Services that answer 'queued': a claim that is pending is asked after, over the same connections,
// until its fate is known, its time is over, or the storm is.
#include <map>
#include <thread>

#include <catch2/catch.hpp>

#include "tests/support/polled_storm.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;

namespace {

constexpr TimeNs kMs = 1'000'000;

}  // namespace

TEST_CASE("a pending claim is polled until it is granted, and is one attempt with both ends") {
    PolledServer service([](const std::string& request, int n) {
        return n < 2 ? accepted(request) : granted(R"({"ticket":7,"cents":250})");
    });
    PolledStorm storm(service.server);
    const Attempt attempt = storm.fire_one();
    CHECK(service.polls == 3);
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.http_status == 200);
    CHECK(attempt.transport_error == TransportError::none);
    CHECK(attempt.ticket == 7);
    CHECK(attempt.amount_cents == 250);
    CHECK(storm.texts.view(attempt.claim_id) == "c-u1");  // the first answer's: polls told none
    CHECK(attempt.due_ns == 0);
    CHECK(attempt.sent_ns < attempt.first_byte_ns);
    // Three polls, 10 ms before each: the claim's own times stay, the end is the last poll's.
    CHECK(attempt.done_ns - attempt.first_byte_ns >= 30 * kMs);
    CHECK(attempt.done_ns < 5000 * kMs);
}

TEST_CASE("a poll may end in a refusal: the same rules read its answer") {
    PolledServer service(
        [](const std::string&, int) { return ScriptedAnswer{http_answer(410, "{}")}; });
    const Attempt attempt = PolledStorm(service.server).fire_one();
    CHECK(attempt.outcome == Outcome::sold_out);
    CHECK(attempt.http_status == 410);
    CHECK(service.polls == 1);
}

TEST_CASE("what is pending for ever stays pending, with the time of its first answer") {
    PolledServer service([](const std::string& request, int) { return accepted(request); });
    PolledStorm storm(service.server);
    storm.order.endpoint.poll->until = 100ms;
    const auto begin = std::chrono::steady_clock::now();
    const Attempt attempt = storm.fire_one();
    CHECK(std::chrono::steady_clock::now() - begin >= 80ms);
    CHECK(attempt.outcome == Outcome::pending);
    CHECK(attempt.http_status == 202);
    CHECK(storm.texts.view(attempt.claim_id) == "c-u1");
    CHECK(service.polls >= 1);
    CHECK(service.polls <= 9);  // none at 0 ms, none from 100 ms on, 10 ms and more between two
    CHECK(attempt.done_ns - attempt.first_byte_ns < 70 * kMs);  // the last poll came later
}

TEST_CASE("without a poll section, pending is the last that is heard") {
    PolledServer service([](const std::string&, int) { return granted(); });
    PolledStorm storm(service.server);
    storm.order.endpoint.poll.reset();
    CHECK(storm.fire_one().outcome == Outcome::pending);
    CHECK(service.polls == 0);
}

TEST_CASE("a poll whose connection breaks is repeated on a new one: it only reads") {
    const std::vector<ScriptedAnswer> breaks = {{"", false, true},
                                                {"", true},
                                                {"HTTP/1.1 200 OK\r\nContent-Le", true},
                                                {"not HTTP\r\n\r\n"}};
    PolledServer service([&](const std::string&, int n) {
        return static_cast<std::size_t>(n) < breaks.size() ? breaks[static_cast<std::size_t>(n)]
                                                           : granted();
    });
    PolledStorm storm(service.server);
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.transport_error == TransportError::none);
    CHECK(service.polls == 5);
    CHECK(service.server.connections() == 5);
}

TEST_CASE("a poll that hangs times out and is repeated") {
    PolledServer service([](const std::string&, int n) {
        return n == 0 ? ScriptedAnswer{"", false, false, true} : granted();
    });
    PolledStorm storm(service.server);
    storm.order.spec.timeout = 50ms;
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.done_ns - attempt.sent_ns >= 70 * kMs);
}

TEST_CASE("polls that only fail leave the attempt pending, not unknown") {
    PolledServer service([](const std::string&, int) { return ScriptedAnswer{"", true}; });
    PolledStorm storm(service.server);
    storm.order.endpoint.poll->until = 60ms;
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::pending);
    CHECK(attempt.transport_error == TransportError::none);
    CHECK(attempt.http_status == 202);
    CHECK(service.polls >= 1);
}

TEST_CASE("a poll answered with a 5xx or turned away says nothing of the claim: it is repeated") {
    PolledServer service([](const std::string&, int n) {
        if (n == 0) return ScriptedAnswer{http_answer(500, "oops")};
        return n == 1 ? ScriptedAnswer{http_answer(503, "{}")} : granted();
    });
    PolledStorm storm(service.server);
    const Attempt attempt = storm.fire_one();
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(service.polls == 3);
    REQUIRE(storm.samples.size() == 1);  // 503 is known to the rules, 500 is not
    CHECK(storm.samples[0].body == "oops");
}

TEST_CASE("a burst that fills every connection does not keep the polls waiting until it is over") {
    constexpr int kUsers = 300;
    std::atomic<int> claims{0};
    std::atomic<int> claims_at_first_grant{kUsers};
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) {
            ++claims;
            std::this_thread::sleep_for(1ms);  // the service's own time: 300 claims fill 150 ms
            return accepted(request);
        }
        int none = kUsers;
        claims_at_first_grant.compare_exchange_strong(none, claims.load());
        return granted();
    });
    PolledStorm storm(server, kUsers, 2);
    storm.order.spec.threads = 2;
    CHECK(outcomes_of(storm.fire())[Outcome::granted] == kUsers);
    CHECK(claims == kUsers);
    CHECK(claims_at_first_grant < kUsers / 2);
}

TEST_CASE("crowds that poll do not keep the burst from coming") {
    constexpr int kUsers = 40;
    constexpr int kAttempts = 60;
    std::atomic<int> claims{0};
    // Nobody is granted anything before everybody has claimed, and polls alone would fill the two
    // connections: 1 ms after each answer the next one is due.
    ScriptedServer server([&](const std::string& request, int) {
        if (is_poll(request)) {
            std::this_thread::sleep_for(1ms);
            return claims == kAttempts ? granted() : accepted(request);
        }
        ++claims;
        return accepted(request);
    });
    PolledStorm storm(server, kUsers, 2);
    storm.order.spec.double_click = DoubleClick{0.5, 2, 0ms};
    storm.order.endpoint.poll->every = 1ms;
    const std::vector<Attempt> attempts = storm.fire();
    CHECK(outcomes_of(attempts)[Outcome::granted] == kAttempts);
    TimeNs last_sent = 0;
    for (const Attempt& attempt : attempts) last_sent = std::max(last_sent, attempt.sent_ns);
    CHECK(last_sent < 2500 * kMs);  // polls alone would hold the connections for 5 s
}

TEST_CASE("a user's two clicks are both polled, each for its own claim") {
    std::mutex mutex;
    std::map<std::string, int> polled;
    std::atomic<int> claims{0};
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) {
            return ScriptedAnswer{
                http_answer(202, R"({"id":"c-)" + std::to_string(claims++) + "\"}")};
        }
        const std::lock_guard lock(mutex);
        return ++polled[user_of(request)] < 3 ? ScriptedAnswer{http_answer(202, "{}")} : granted();
    });
    constexpr int kUsers = 20;
    constexpr int kClicks = 40;
    PolledStorm storm(server, kUsers, 6);
    storm.order.spec.double_click = DoubleClick{1.0, 2, 5ms};
    const std::vector<Attempt> attempts = storm.fire();
    CHECK(attempts.size() == kClicks);
    CHECK(outcomes_of(attempts)[Outcome::granted] == kClicks);
    std::map<std::string, int> ids;
    for (const Attempt& attempt : attempts) {
        ++ids[std::string(storm.texts.view(attempt.claim_id))];
    }
    CHECK(ids.size() == kClicks);
    CHECK(polled.size() == kClicks);
}

TEST_CASE("polls take none of the connections that are kept for second clicks") {
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) return accepted(request);
        std::this_thread::sleep_for(20ms);  // five users' polls fill what connections they may have
        return accepted(request);
    });
    constexpr TimeNs kClick = 200 * kMs;
    PolledStorm storm(server, 5, 3);
    const Plan plan(storm.order.spec,
                    {{{0, 0}, {{kClick, 0, 2}}}, {{0, 1}}, {{0, 2}}, {{0, 3}}, {{0, 4}}});
    storm.order.spec.double_click = DoubleClick{0.2, 2, 200ms};
    storm.order.endpoint.poll->every = 1ms;
    storm.order.endpoint.poll->until = 300ms;
    const std::vector<Attempt> attempts = storm.fire(plan);
    CHECK(attempts.size() == 6);
    for (const Attempt& attempt : attempts) {
        if (attempt.user == 0) CHECK_FALSE(attempt.waited);
    }
}

TEST_CASE("connections kept for second clicks that take long keep nobody's polls waiting") {
    std::mutex mutex;
    std::map<std::string, int> polled;
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) return accepted(request);
        const std::lock_guard lock(mutex);
        return ++polled[user_of(request)] % 3 != 0 ? accepted(request) : granted();
    });
    // Two groups leave one connection free, which is one too few for the third, whose turn it is.
    constexpr TimeNs kClick = 600 * kMs;
    PolledStorm storm(server, 3, 3);
    const Plan plan(
        storm.order.spec,
        {{{0, 0}, {{kClick, 0, 2}}}, {{0, 1}, {{kClick, 1, 2}}}, {{0, 2}, {{0, 2, 2}}}});
    storm.order.spec.double_click = DoubleClick{1.0, 2, 1s};
    storm.order.endpoint.poll->until = 400ms;
    CHECK(outcomes_of(storm.fire(plan))[Outcome::granted] == 6);
}

TEST_CASE("double clicks that poll end with a single connection, too") {
    PolledServer service([](const std::string&, int) { return granted(); });
    PolledStorm storm(service.server, 5, 1);
    storm.order.spec.double_click = DoubleClick{1.0, 3, 1ms};
    CHECK(outcomes_of(storm.fire())[Outcome::granted] == 15);
}

TEST_CASE("attempts that polls keep from a connection are marked as having waited") {
    // The one connection is held by the first user's poll when the second user is due.
    std::atomic<int> polls{0};
    ScriptedServer server([&](const std::string& request, int) {
        if (!is_poll(request)) return accepted(request);
        if (polls++ == 0) std::this_thread::sleep_for(400ms);
        return granted();
    });
    PolledStorm storm(server, 2, 1);
    storm.order.spec.arrival = ConstantRate{3};  // due at 0 and at 333 ms; the poll at 10 ms
    storm.order.spec.timeout = 2s;
    const std::vector<Attempt> attempts = storm.fire();
    REQUIRE(attempts.size() == 2);
    const Attempt& second = attempts[0].due_ns == 0 ? attempts[1] : attempts[0];
    CHECK(second.waited);
    CHECK(second.outcome == Outcome::granted);
}

TEST_CASE("stopping a storm records what is being polled as pending, queued or in flight") {
    PolledServer service([](const std::string& request, int n) {
        return n < 40 ? accepted(request) : ScriptedAnswer{"", false, false, true};
    });
    PolledStorm storm(service.server, 20, 5);
    storm.order.spec.timeout = 30s;
    storm.order.spec.threads = 2;
    std::thread stopper([&] {
        while (service.polls < 42) std::this_thread::yield();
        storm.stop = true;
    });
    const std::vector<Attempt> attempts = storm.fire();
    stopper.join();
    CHECK(attempts.size() == 20);
    CHECK(outcomes_of(attempts)[Outcome::pending] == 20);
    for (const Attempt& attempt : attempts) {
        CHECK(attempt.transport_error == TransportError::none);
        CHECK(attempt.http_status == 202);
        CHECK(attempt.done_ns != kNever);
    }
}

TEST_CASE("the overrun ends polling, too") {
    PolledServer service([](const std::string& request, int) { return accepted(request); });
    PolledStorm storm(service.server, 20, 3);
    storm.order.spec.overrun = 200ms;
    storm.order.endpoint.poll->until = 1h;
    CHECK(outcomes_of(storm.fire())[Outcome::pending] == 20);
}

TEST_CASE("a service that dies while it is polled leaves its claims pending") {
    PolledServer service([](const std::string& request, int) { return accepted(request); });
    PolledStorm storm(service.server, 10, 4);
    storm.order.endpoint.poll->until = 400ms;
    std::thread killer([&] {
        while (service.polls < 15) std::this_thread::yield();
        service.server.stop();
    });
    const std::vector<Attempt> attempts = storm.fire();
    killer.join();
    CHECK(outcomes_of(attempts)[Outcome::pending] == 10);
}

TEST_CASE("polls that never find a connection end with their time") {
    // The one connection hangs with another user's claim for as long as the polls may last.
    std::atomic<int> claims{0};
    ScriptedServer server([&](const std::string& request, int) {
        if (is_poll(request)) return granted();
        return claims++ == 0 ? accepted(request) : ScriptedAnswer{"", false, false, true};
    });
    PolledStorm storm(server, 2, 1);
    storm.order.spec.timeout = 600ms;
    storm.order.endpoint.poll->until = 200ms;
    storm.order.endpoint.poll->every = 50ms;
    const auto counts = outcomes_of(storm.fire());
    CHECK(counts.at(Outcome::pending) == 1);
    CHECK(counts.at(Outcome::unknown) == 1);
    CHECK(server.requests() == 2);
}

TEST_CASE("a poll whose time ended behind another in the queue does not go out any more") {
    // The first user's claim is answered slowly: its poll stands behind the second user's, who
    // claimed later and may be asked after for longer. Two further claims hold both connections
    // until the first one's time is over, and the second one's is not.
    std::mutex mutex;
    std::vector<std::string> polled;
    const auto begin = std::chrono::steady_clock::now();
    std::atomic<std::chrono::steady_clock::duration> first_claim{0ns};
    ScriptedServer server([&](const std::string& request, int) {
        const std::string user = user_of(request);
        if (is_poll(request)) {
            const std::lock_guard lock(mutex);
            polled.push_back(user);
            return granted();
        }
        if (user == "u1") {
            first_claim = std::chrono::steady_clock::now() - begin;
            std::this_thread::sleep_for(400ms);
        } else if (user != "u2") {
            std::this_thread::sleep_until(begin + first_claim.load() + 850ms);
            return ScriptedAnswer{http_answer(410, "{}")};
        }
        return accepted(request);
    });
    PolledStorm storm(server, 4, 2);
    const Plan plan(storm.order.spec,
                    {{{0, 0}}, {{300 * kMs, 1}}, {{310 * kMs, 2}}, {{410 * kMs, 3}}});
    storm.order.spec.timeout = 2s;
    storm.order.endpoint.poll->every = 200ms;
    storm.order.endpoint.poll->until = 700ms;
    for (const Attempt& attempt : storm.fire(plan)) {
        if (attempt.user == 0) CHECK(attempt.outcome == Outcome::pending);
        if (attempt.user == 1) CHECK(attempt.outcome == Outcome::granted);
    }
    CHECK(polled == std::vector<std::string>{"u2"});
}
