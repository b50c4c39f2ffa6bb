#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "storm/history_file.h"
#include "storm/storm.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

namespace claimstorm::test {

inline bool is_poll(const std::string& request) {
    return request.starts_with("GET /result/");
}

/// The user a request speaks of: the claim's body, or the end of the poll's path.
inline std::string user_of(const std::string& request) {
    if (!is_poll(request)) return request.substr(request.find("\r\n\r\n") + 4);
    const std::size_t from = request.find("/result/c-") + 10;
    return request.substr(from, request.find(' ', from) - from);
}

inline ScriptedAnswer accepted(const std::string& request) {
    return {http_answer(202, R"({"id":"c-)" + user_of(request) + "\"}")};
}

inline ScriptedAnswer granted(const std::string& body = R"({"ticket":7})") {
    return {http_answer(200, body)};
}

/// A storm that polls `/result/{claim_id}` every 10 ms; its history is read back into `users` and
/// `texts`.
struct PolledStorm {
    TemporaryFolder folder;
    StormOrder order;
    std::atomic<bool> stop{false};
    Names users;
    TextPool texts;
    std::vector<UnmatchedSample> samples;

    explicit PolledStorm(const ScriptedServer& server, std::uint32_t user_count = 1,
                         std::uint32_t connections = 1) {
        order.scenario = "test";
        order.spec.users = user_count;
        order.spec.connections = connections;
        order.spec.threads = 1;
        order.spec.timeout = std::chrono::milliseconds(300);
        order.endpoint.base_url = server.url();
        order.endpoint.claim.body = "{user}";
        order.endpoint.outcomes = {{200, {}, {}, Outcome::granted},
                                   {202, {}, {}, Outcome::pending},
                                   {410, {}, {}, Outcome::sold_out},
                                   {503, {}, {}, Outcome::throttled}};
        order.endpoint.fields = {"/id", "/ticket", "/cents"};
        order.endpoint.poll = PollSpec{{"GET", "/result/{claim_id}", {}, "", false},
                                       std::chrono::milliseconds(10),
                                       std::chrono::seconds(5)};
        order.campaign = "1";
    }

    std::vector<Attempt> fire() { return fire(Plan(order.spec, 42)); }

    std::vector<Attempt> fire(const Plan& plan) {
        run_storm(order, plan, folder.path / "history.bin", stop, {});
        HistoryContents contents = read_history(folder.path / "history.bin", users, texts);
        CHECK(contents.history.missing_tail.empty());
        samples = contents.samples;
        const AttemptList& attempts = contents.history.attempts;
        return {attempts.begin(), attempts.end()};
    }

    Attempt fire_one() {
        const std::vector<Attempt> attempts = fire();
        REQUIRE(attempts.size() == 1);
        return attempts.front();
    }
};

/// A server that accepts every claim, and answers the poll number `n` (from 0) as told.
struct PolledServer {
    std::atomic<int> polls{0};
    ScriptedServer server;

    explicit PolledServer(std::function<ScriptedAnswer(const std::string&, int)> answer_poll)
        : server([this, answer = std::move(answer_poll)](const std::string& request, int) {
              return is_poll(request) ? answer(request, polls++) : accepted(request);
          }) {}
};

}  // namespace claimstorm::test
