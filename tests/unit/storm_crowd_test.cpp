// What people do besides clicking once: closed loops, retries, hang-ups, several campaigns; and the
// gate that holds the last byte back.
#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/history_file.h"
#include "storm/storm.h"
#include "tests/support/gated_server.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;

namespace {

constexpr TimeNs kMs = 1'000'000;

struct Crowd : StormAt {
    std::int64_t opened = 0;

    explicit Crowd(const std::string& url, std::uint32_t users, std::uint32_t connections)
        : StormAt(url, users, connections) {
        order.seed = 42;
        order.endpoint.claim.body = "{user} {attempt} {idempotency_key} {campaign}";
        order.endpoint.claim.headers = {{"Content-Type", "text/plain"}};
        order.endpoint.outcomes = {{200, {}, {}, Outcome::granted},
                                   {429, {}, {}, Outcome::throttled}};
        order.campaign = "main";
    }

    std::vector<Attempt> fire() {
        Names users;
        TextPool texts;
        const auto recorder =
            run_storm(order, Plan(order.spec, order.seed), folder.path / "h", stop, {});
        const HistoryContents contents = read_history(folder.path / "h", users, texts);
        CHECK(contents.history.missing_tail.empty());
        CHECK(recorder->figures().attempts ==
              static_cast<std::int64_t>(contents.history.attempts.size()));
        CHECK(recorder->figures().connections_opened == contents.history.connections_opened);
        opened = contents.history.connections_opened;
        const AttemptList& attempts = contents.history.attempts;
        return {attempts.begin(), attempts.end()};
    }
};

/// The words of the request's body: user, attempt, key, campaign.
std::vector<std::string> words_of(const std::string& request) {
    std::istringstream body(request.substr(request.find("\r\n\r\n") + 4));
    return {std::istream_iterator<std::string>(body), {}};
}

/// Answers 200, and remembers the words of every request.
struct Recorder {
    std::mutex mutex;
    std::vector<std::vector<std::string>> seen;
    std::function<ScriptedAnswer(const std::vector<std::string>&)> answer = [](const auto&) {
        return ScriptedAnswer{http_answer(200, "{}")};
    };
    ScriptedServer server{[this](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        seen.push_back(words_of(request));
        return answer(seen.back());
    }};
};

}  // namespace

TEST_CASE("a closed loop sends a connection's next claim when the last one is answered") {
    Recorder service;
    Crowd crowd(service.server.url(), 40, 4);
    crowd.order.spec.arrival = ClosedLoop{};
    const auto attempts = crowd.fire();
    CHECK(attempts.size() == 40);
    CHECK(service.server.connections() == 4);
    CHECK(crowd.opened == 4);
    std::multiset<TimeNs> ends;
    for (const Attempt& attempt : attempts) ends.insert(attempt.done_ns);
    std::vector<TimeNs> lags;
    lags.reserve(attempts.size());
    for (const Attempt& attempt : attempts) {
        CHECK_FALSE(attempt.waited);
        CHECK(attempt.sent_ns >= attempt.due_ns);
        if (attempt.due_ns == 0) continue;
        const auto before = ends.upper_bound(attempt.due_ns);
        REQUIRE(before != ends.begin());
        lags.push_back(attempt.due_ns - *std::prev(before));
    }
    // Due as soon as somebody had an answer, not by any schedule; on a busy machine most are.
    REQUIRE(lags.size() == 36);
    std::nth_element(lags.begin(), lags.begin() + 18, lags.end());
    CHECK(lags[18] < 5 * kMs);
}

TEST_CASE("people think between an answer and their next claim") {
    Recorder service;
    Crowd crowd(service.server.url(), 6, 2);
    crowd.order.spec.arrival = ClosedLoop{30ms, 40ms, 0s};
    const auto attempts = crowd.fire();
    CHECK(attempts.size() == 6);
    std::vector<TimeNs> dues;
    dues.reserve(attempts.size());
    for (const Attempt& attempt : attempts) dues.push_back(attempt.due_ns);
    std::sort(dues.begin(), dues.end());
    CHECK(dues[1] == 0);
    CHECK(dues[2] >= 30 * kMs);
    CHECK(dues[4] >= 60 * kMs);
    CHECK(dues[5] < 5'000 * kMs);
}

TEST_CASE("a closed loop with a duration takes whoever comes until then, and ends") {
    Recorder service;
    Crowd crowd(service.server.url(), 100'000'000, 3);
    crowd.order.spec.arrival = ClosedLoop{1ms, 1ms, 80ms};
    const auto attempts = crowd.fire();
    CHECK(attempts.size() >= 6);
    CHECK(attempts.size() == service.seen.size());
    std::set<UserId> users;
    for (const Attempt& attempt : attempts) {
        CHECK(attempt.due_ns <= 80 * kMs);
        CHECK(attempt.outcome == Outcome::granted);
        users.insert(attempt.user);
    }
    CHECK(users.size() == attempts.size());
}

TEST_CASE("whoever is turned away tries again, as often and as late as asked, with the same key") {
    Recorder service;
    service.answer = [](const auto& words) {
        return ScriptedAnswer{http_answer(words[1] == "3" ? 200 : 429, "{}")};
    };
    Crowd crowd(service.server.url(), 5, 5);
    crowd.order.spec.retry = Retry{4, 20ms, 0, {Outcome::throttled}, KeyUse::same};
    const auto attempts = crowd.fire();
    CHECK(attempts.size() == 15);
    std::map<UserId, std::map<int, Attempt>> by_user;
    for (const Attempt& attempt : attempts) by_user[attempt.user][attempt.number] = attempt;
    TimeNs soonest = kNever;
    for (const auto& [user, tries] : by_user) {
        REQUIRE(tries.size() == 3);
        CHECK(tries.at(1).outcome == Outcome::throttled);
        CHECK(tries.at(3).outcome == Outcome::granted);
        CHECK(tries.at(2).due_ns >= tries.at(1).done_ns + 20 * kMs);
        soonest = std::min(soonest, tries.at(2).due_ns - tries.at(1).done_ns);
    }
    CHECK(soonest < 40 * kMs);
    std::map<std::string, std::set<std::string>> keys;
    for (const auto& words : service.seen) keys[words[0]].insert(words[2]);
    std::set<std::string> all;
    for (const auto& [user, own] : keys) {
        CHECK(own.size() == 1);
        all.insert(own.begin(), own.end());
    }
    CHECK(all.size() == 5);
}

TEST_CASE("retries end with their number, and may carry new keys") {
    Recorder service;
    service.answer = [](const auto&) { return ScriptedAnswer{http_answer(429, "{}")}; };
    Crowd crowd(service.server.url(), 2, 2);
    crowd.order.spec.retry = Retry{3, 1ms, 0.5, {Outcome::throttled}, KeyUse::fresh};
    CHECK(crowd.fire().size() == 8);
    std::set<std::string> keys;
    for (const auto& words : service.seen) keys.insert(words[2]);
    CHECK(keys.size() == 8);
}

TEST_CASE("a double click carries one key, unless asked otherwise") {
    for (const KeyUse use : {KeyUse::same, KeyUse::fresh}) {
        Recorder service;
        Crowd crowd(service.server.url(), 3, 6);
        crowd.order.spec.double_click = DoubleClick{1.0, 2, 1ms, use};
        crowd.fire();
        std::set<std::string> keys;
        for (const auto& words : service.seen) keys.insert(words[2]);
        CHECK(service.seen.size() == 6);
        CHECK(keys.size() == (use == KeyUse::same ? 3 : 6));
    }
}

TEST_CASE("whoever hangs up does so when asked, and never knows") {
    Recorder service;
    service.answer = [](const auto&) {
        ScriptedAnswer silent;
        silent.hang = true;
        return silent;
    };
    Crowd crowd(service.server.url(), 4, 4);
    crowd.order.spec.timeout = 5s;
    crowd.order.spec.hang_up = HangUp{1.0, 30ms};
    const auto begin = std::chrono::steady_clock::now();
    for (const Attempt& attempt : crowd.fire()) {
        CHECK(attempt.outcome == Outcome::unknown);
        CHECK(attempt.transport_error == TransportError::hung_up);
        CHECK(attempt.done_ns == kNever);
    }
    CHECK(std::chrono::steady_clock::now() - begin < 4s);
}

TEST_CASE("an answer that comes before its user hangs up counts") {
    Recorder service;
    Crowd crowd(service.server.url(), 4, 4);
    crowd.order.spec.hang_up = HangUp{1.0, 400ms};
    for (const Attempt& attempt : crowd.fire()) CHECK(attempt.outcome == Outcome::granted);
}

TEST_CASE("other campaigns are stormed besides, and stand in the history as such") {
    Recorder service;
    Crowd crowd(service.server.url(), 300, 10);
    crowd.order.spec.other_campaigns = {"second", "third"};
    std::map<std::string, int> told;
    std::array<int, 3> recorded{};
    for (const Attempt& attempt : crowd.fire()) ++recorded.at(attempt.campaign);
    for (const auto& words : service.seen) ++told[words[3]];
    CHECK(told["main"] == recorded[0]);
    CHECK(told["second"] == recorded[1]);
    CHECK(told["third"] == recorded[2]);
    CHECK(recorded[0] > recorded[1]);
    CHECK(recorded[2] > 0);
}

TEST_CASE("with the last-byte gate, every request is out but for a byte before any is whole") {
    GatedServer server(20);
    Crowd crowd(server.url(), 20, 20);
    crowd.order.spec.arrival = Burst{BurstGate::last_byte};
    crowd.order.endpoint.claim.body = "{idempotency_key}";  // so that all are equally long
    for (const Attempt& attempt : crowd.fire()) {
        CHECK(attempt.outcome == Outcome::granted);
        CHECK(attempt.sent_ns >= 0);
    }
    CHECK(server.missing_at_first_whole() <= 19);
    CHECK(server.least_at_first_whole() >= 100);
}
