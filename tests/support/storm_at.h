#pragma once

#include <map>
#include <string>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/history_file.h"
#include "storm/storm.h"
#include "tests/support/temporary_folder.h"

namespace claimstorm::test {

/// `attempts`: any list of them.
template <typename Attempts>
std::map<Outcome, int> outcomes_of(const Attempts& attempts) {
    std::map<Outcome, int> counts;
    for (const Attempt& attempt : attempts) ++counts[attempt.outcome];
    return counts;
}

inline std::map<Outcome, int> outcomes_of(const HistoryContents& contents) {
    return outcomes_of(contents.history.attempts);
}

/// A storm at a URL, recorded in a folder that goes away with it.
struct StormAt {
    TemporaryFolder folder;
    StormOrder order;
    std::atomic<bool> stop{false};

    explicit StormAt(const std::string& url, std::uint32_t users = 1,
                     std::uint32_t connections = 1) {
        order.scenario = "test";
        order.spec.users = users;
        order.spec.connections = connections;
        order.spec.timeout = std::chrono::seconds(2);
        order.endpoint.base_url = url;
        order.endpoint.claim.body = "{user}";
        order.endpoint.outcomes = {{200, {}, {}, Outcome::granted},
                                   {302, {}, {}, Outcome::rejected},
                                   {410, {}, {}, Outcome::sold_out}};
        order.endpoint.fields.claim_id = "/id";
        order.campaign = "1";
    }

    HistoryContents fire() {
        Names users;
        TextPool texts;
        const auto path = folder.path / "history.bin";
        std::filesystem::remove(path);
        run_storm(order, Plan(order.spec, 42), path, stop, {});
        return read_history(path, users, texts);
    }

    Attempt fire_one() {
        const HistoryContents contents = fire();
        REQUIRE(contents.history.attempts.size() == 1);
        CHECK(contents.history.missing_tail.empty());
        return contents.history.attempts.front();
    }

    std::map<Outcome, int> fire_and_count() { return outcomes_of(fire()); }

    /// Why it cannot be fired; that leaves nothing behind.
    std::string refusal() {
        try {
            fire();
        } catch (const Error& error) {
            CHECK(std::filesystem::is_empty(folder.path));
            return error.what();
        }
        return "no refusal";
    }
};

}  // namespace claimstorm::test
