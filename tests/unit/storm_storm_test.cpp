#include "storm/storm.h"

#include <filesystem>
#include <map>
#include <sys/resource.h>
#include <thread>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

// NOLINTNEXTLINE(readability-identifier-naming): a constant all the same
const std::string kGranted = http_answer(200, R"({"id":"c1"})");

struct Fixture : StormAt {
    explicit Fixture(const ScriptedServer& server, std::uint32_t users = 1,
                     std::uint32_t connections = 1)
        : StormAt(server.url(), users, connections) {
        order.spec.timeout = 300ms;
        order.endpoint.outcomes = {{200, {}, {}, Outcome::granted},
                                   {410, {}, {}, Outcome::sold_out}};
    }
};

/// What one attempt becomes when the service answers with these bytes.
Attempt answered_with(const ScriptedAnswer& answer) {
    ScriptedServer server([&](const std::string&, int) { return answer; });
    return Fixture(server).fire_one();
}

}  // namespace

TEST_CASE("who listens is told the release before it, once, and how many were granted in the end") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server);
    const auto before = std::chrono::steady_clock::now();
    int releases = 0;
    std::chrono::steady_clock::time_point release;
    std::chrono::steady_clock::time_point told;
    StormProgress last;
    StormListener listener;
    // The caller hears of the worker's thread only after it has ended.
    listener.on_release = [&](std::chrono::steady_clock::time_point at) {
        ++releases;
        release = at;
        told = std::chrono::steady_clock::now();
    };
    listener.on_progress = [&last](const StormProgress& progress) { last = progress; };
    run_storm(fixture.order, Plan(fixture.order.spec, 42), fixture.folder.path / "h", fixture.stop,
              listener);
    const auto after = std::chrono::steady_clock::now();
    CHECK(releases == 1);
    CHECK(before < told);
    CHECK(told < release);
    CHECK(release < after);
    CHECK(last.ended == 1);
    CHECK(last.planned == 1);
    CHECK(last.granted == 1);
    Names users;
    TextPool texts;
    const HistoryContents contents = read_history(fixture.folder.path / "h", users, texts);
    CHECK(contents.history.attempts.front().sent_ns >= 0);
    CHECK(release + std::chrono::nanoseconds(contents.history.attempts.front().done_ns) < after);
}

TEST_CASE("a complete answer is read, stamped in order, and its claim id kept") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server);
    Names users;
    TextPool texts;
    run_storm(fixture.order, Plan(fixture.order.spec, 42), fixture.folder.path / "h", fixture.stop,
              {});
    const HistoryContents contents = read_history(fixture.folder.path / "h", users, texts);
    REQUIRE(contents.history.attempts.size() == 1);
    const Attempt& attempt = contents.history.attempts.front();
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.http_status == 200);
    CHECK(texts.view(attempt.claim_id) == "c1");
    CHECK(attempt.due_ns == 0);
    CHECK(attempt.sent_ns >= 0);
    CHECK(attempt.sent_ns < attempt.first_byte_ns);
    CHECK(attempt.first_byte_ns <= attempt.done_ns);
    CHECK(attempt.done_ns < 5'000'000'000);
}

TEST_CASE("every user claims exactly once, whatever the connections and threads") {
    for (const std::uint32_t threads : {1U, 2U, 3U}) {
        std::mutex mutex;
        std::map<std::string, int> seen;
        ScriptedServer server([&](const std::string& request, int) {
            const std::lock_guard lock(mutex);
            ++seen[request.substr(request.find("\r\n\r\n") + 4)];
            return ScriptedAnswer{kGranted};
        });
        Fixture fixture(server, 200, 7);
        fixture.order.spec.threads = threads;
        const HistoryContents contents = fixture.fire();
        CHECK(contents.history.attempts.size() == 200);
        CHECK(seen.size() == 200);
        CHECK(seen.count("u1") == 1);
        CHECK(seen.count("u200") == 1);
        CHECK(server.connections() == 7);
    }
}

TEST_CASE("the clicks of one user travel on different connections, close together") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 50, 10);
    fixture.order.spec.double_click = DoubleClick{1.0, 2, 1ms};
    const HistoryContents contents = fixture.fire();
    REQUIRE(contents.history.attempts.size() == 100);
    std::map<UserId, std::vector<Attempt>> by_user;
    for (const Attempt& attempt : contents.history.attempts)
        by_user[attempt.user].push_back(attempt);
    int overlapping = 0;
    for (const auto& [user, clicks] : by_user) {
        REQUIRE(clicks.size() == 2);
        CHECK(clicks[0].number != clicks[1].number);
        overlapping += std::max(clicks[0].sent_ns, clicks[1].sent_ns) -
                           std::min(clicks[0].sent_ns, clicks[1].sent_ns) <
                       20'000'000;
    }
    CHECK(overlapping >= 45);
}

TEST_CASE("double clicks with fewer connections than clicks end all the same") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 5, 1);
    fixture.order.spec.double_click = DoubleClick{1.0, 3, 0ms};
    CHECK(fixture.fire().history.attempts.size() == 15);
}

TEST_CASE("an attempt that must wait for a free connection is marked so") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 5, 2);
    fixture.order.spec.threads = 1;
    const HistoryContents contents = fixture.fire();
    int waited = 0;
    for (const Attempt& attempt : contents.history.attempts) waited += attempt.waited ? 1 : 0;
    CHECK(waited == 3);
}

TEST_CASE("a constant rate is sent when it is due, not before and not clumped") {
    // A busy machine may hold up any storm; one that clumps by itself does so every time.
    TimeNs least_median = kNever;
    for (int round = 0; round < 5 && least_median >= 2'000'000; ++round) {
        ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
        Fixture fixture(server, 50, 10);
        fixture.order.spec.arrival = ConstantRate{500};
        const HistoryContents contents = fixture.fire();
        std::vector<TimeNs> lags;
        for (const Attempt& attempt : contents.history.attempts) {
            CHECK(attempt.sent_ns >= attempt.due_ns);
            lags.push_back(attempt.sent_ns - attempt.due_ns);
        }
        std::sort(lags.begin(), lags.end());
        least_median = std::min(least_median, lags[lags.size() / 2]);
    }
    CHECK(least_median < 2'000'000);  // attempts are due 2 ms apart: no clump
}

TEST_CASE("an answer that never comes is unknown after the timeout, not before") {
    const Attempt attempt = answered_with({"", false, false, true});
    CHECK(attempt.outcome == Outcome::unknown);
    CHECK(attempt.transport_error == TransportError::timeout);
    CHECK(attempt.done_ns == kNever);
    CHECK(attempt.first_byte_ns == kNever);
}

TEST_CASE("an answer that stops half-way is unknown") {
    Attempt attempt = answered_with({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true});
    CHECK(attempt.outcome == Outcome::unknown);
    CHECK(attempt.transport_error == TransportError::closed_early);
    CHECK(attempt.http_status == 200);
    attempt = answered_with({"HTTP/1.1 200 OK\r\nContent-Le", true});
    CHECK(attempt.transport_error == TransportError::closed_early);
    attempt = answered_with({"", true});
    CHECK(attempt.outcome == Outcome::unknown);
    CHECK(attempt.transport_error == TransportError::closed_early);
}

TEST_CASE("a connection that breaks after the request left is unknown") {
    const Attempt attempt = answered_with({"", false, true});
    CHECK(attempt.outcome == Outcome::unknown);
    CHECK(attempt.transport_error == TransportError::reset);
    CHECK(attempt.sent_ns != kNever);
}

TEST_CASE("what is not HTTP, or is chunked nonsense, is unknown") {
    CHECK(answered_with({"hello there, this is not HTTP\r\n\r\n"}).transport_error ==
          TransportError::bad_response);
    CHECK(answered_with({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"})
              .transport_error == TransportError::bad_response);
    CHECK(answered_with({"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"}).transport_error ==
          TransportError::bad_response);
}

TEST_CASE("endless headers and huge bodies end the attempt, not the program") {
    CHECK(answered_with({"HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'a')}).transport_error ==
          TransportError::header_too_large);
    CHECK(
        answered_with({"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"}).transport_error ==
        TransportError::body_too_large);
    const Attempt attempt =
        answered_with({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(400'000, 'a')});
    CHECK(attempt.outcome == Outcome::unknown);
    CHECK(attempt.transport_error == TransportError::body_too_large);
}

TEST_CASE("chunked bodies, bodies up to the end of the stream and interim answers are read") {
    Attempt attempt =
        answered_with({"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                       "chunked\r\n\r\n5\r\n{\"id\"\r\n5\r\n:\"x\"}\r\n0\r\n\r\n"});
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.claim_id != kNoText);
    attempt = answered_with({"HTTP/1.1 410 Gone\r\n\r\n{}", true});
    CHECK(attempt.outcome == Outcome::sold_out);
    attempt = answered_with({"HTTP/1.1 100 Continue\r\n\r\n" + kGranted});
    CHECK(attempt.outcome == Outcome::granted);
}

TEST_CASE("an answer that no rule fits is unknown, with a sample kept") {
    ScriptedServer server(
        [](const std::string&, int) { return ScriptedAnswer{http_answer(500, "oops")}; });
    Fixture fixture(server, 20, 4);
    const HistoryContents contents = fixture.fire();
    CHECK(outcomes_of(contents)[Outcome::unknown] == 20);
    CHECK(contents.history.attempts.front().done_ns != kNever);
    REQUIRE(contents.samples.size() == 5);
    CHECK(contents.samples[0].http_status == 500);
    CHECK(contents.samples[0].body == "oops");
}

TEST_CASE("a service that closes after each answer costs connections, not attempts") {
    ScriptedServer server([](const std::string&, int) {
        return ScriptedAnswer{http_answer(200, "{}", "Connection: close\r\n"), true};
    });
    Fixture fixture(server, 30, 3);
    CHECK(outcomes_of(fixture.fire())[Outcome::granted] == 30);
    CHECK(server.connections() == 30);
}

TEST_CASE("nothing is ever sent twice: a broken connection's attempts are unknown, once each") {
    ScriptedServer server([](const std::string&, int number) {
        return number % 3 == 0 ? ScriptedAnswer{"", false, true} : ScriptedAnswer{kGranted};
    });
    Fixture fixture(server, 60, 3);
    const HistoryContents contents = fixture.fire();
    const auto counts = outcomes_of(contents);
    CHECK(contents.history.attempts.size() == 60);
    const int not_sent = counts.count(Outcome::not_sent) != 0 ? counts.at(Outcome::not_sent) : 0;
    CHECK(server.requests() + not_sent == 60);
    CHECK(counts.at(Outcome::unknown) >= 20);
}

TEST_CASE("a service that dies leaves every planned attempt in the history") {
    std::atomic<ScriptedServer*> self{nullptr};
    ScriptedServer server([&](const std::string&, int number) {
        return number < 20 ? ScriptedAnswer{kGranted} : ScriptedAnswer{"", false, false, true};
    });
    Fixture fixture(server, 200, 4);
    std::thread killer([&] {
        while (server.requests() < 22) std::this_thread::yield();
        server.stop();
    });
    const HistoryContents contents = fixture.fire();
    killer.join();
    CHECK(contents.history.attempts.size() == 200);
    const auto counts = outcomes_of(contents);
    CHECK(counts.at(Outcome::granted) >= 19);
    CHECK(counts.at(Outcome::unknown) >= 1);
    CHECK(counts.at(Outcome::not_sent) >= 100);
}

TEST_CASE("stopping a storm keeps the history, the unsent attempts in it") {
    ScriptedServer server([](const std::string&, int) {
        return ScriptedAnswer{"", false, false, true};
    });
    Fixture fixture(server, 20, 2);
    fixture.order.spec.timeout = 30s;
    fixture.order.spec.threads = 2;
    std::thread stopper([&] {
        while (server.requests() < 2) std::this_thread::yield();
        fixture.stop = true;
    });
    const HistoryContents contents = fixture.fire();
    stopper.join();
    CHECK(contents.history.missing_tail.empty());
    REQUIRE(contents.history.attempts.size() == 20);
    const auto counts = outcomes_of(contents);
    CHECK(counts.at(Outcome::unknown) == 2);
    CHECK(counts.at(Outcome::not_sent) == 18);
}

TEST_CASE("a storm whose service hangs ends by its overrun, not by every timeout in turn") {
    ScriptedServer server([](const std::string&, int) {
        return ScriptedAnswer{"", false, false, true};
    });
    Fixture fixture(server, 1000, 1);
    fixture.order.spec.timeout = 100ms;
    fixture.order.spec.overrun = 250ms;
    const HistoryContents contents = fixture.fire();
    CHECK(contents.history.attempts.size() == 1000);
    CHECK(outcomes_of(contents)[Outcome::not_sent] > 990);
}

TEST_CASE("the overrun counts from the last click of anybody, not of the last user") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 20, 40);
    fixture.order.spec.double_click = DoubleClick{0.5, 2, 300ms};
    fixture.order.spec.overrun = 100ms;
    const HistoryContents contents = fixture.fire();
    CHECK(outcomes_of(contents)[Outcome::granted] == 30);
}

TEST_CASE("a target that is down is told before anything is sent, and leaves no history") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 10, 5);
    fixture.order.endpoint.base_url = "http://127.0.0.1:1";
    CHECK_THROWS_WITH(fixture.fire(), Catch::Contains("http://127.0.0.1:1") &&
                                          Catch::Contains("connect_refused") &&
                                          Catch::Contains("nothing was sent"));
    CHECK(fs::is_empty(fixture.folder.path));
}

TEST_CASE("connections are warmed with the target's own request before the release") {
    std::atomic<int> warm{0};
    ScriptedServer server([&](const std::string& request, int) {
        if (request.starts_with("GET /warm ")) {
            ++warm;
            return ScriptedAnswer{http_answer(204, "")};
        }
        return ScriptedAnswer{kGranted};
    });
    Fixture fixture(server, 10, 5);
    fixture.order.endpoint.warm_up = RequestSpec{"GET", "/warm", {}, "", false};
    CHECK(fixture.fire().history.attempts.size() == 10);
    CHECK(warm == 5);
    fs::remove(fixture.folder.path / "history.bin");
    fixture.order.endpoint.warm_up->path = "/claim";
    fixture.order.endpoint.warm_up->method = "GET";
    CHECK_NOTHROW(fixture.fire());
}

TEST_CASE("a warm-up that the target refuses ends the run before the release") {
    ScriptedServer server(
        [&](const std::string&, int) { return ScriptedAnswer{http_answer(500, "")}; });
    Fixture fixture(server, 10, 5);
    fixture.order.endpoint.warm_up = RequestSpec{"GET", "/warm", {}, "", false};
    CHECK_THROWS_WITH(fixture.fire(), Catch::Contains("warm-up request was answered with 500"));
    CHECK(fs::is_empty(fixture.folder.path));
}

TEST_CASE("too few open files are told with the number needed") {
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{kGranted}; });
    Fixture fixture(server, 10'000, 5'000);
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit small{256, before.rlim_max};
    // The hard limit cannot be raised again, so the test asks for more than it instead.
    fixture.order.spec.connections = static_cast<std::uint32_t>(before.rlim_max) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &small) == 0);
    CHECK_THROWS_WITH(fixture.fire(), Catch::Contains("run 'ulimit -n " +
                                                      std::to_string(before.rlim_max + 65) + "'"));
    ::setrlimit(RLIMIT_NOFILE, &before);
}
