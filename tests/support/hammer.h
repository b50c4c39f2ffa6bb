#pragma once

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/http_client.h"

namespace claimstorm {

/// What the clients of a hammer were told.
struct Hammered {
    std::map<std::string, std::int64_t> outcomes;
    std::vector<std::string> granted_users;
    std::chrono::milliseconds took{0};

    std::int64_t count(const std::string& outcome) const {
        const auto found = outcomes.find(outcome);
        return found == outcomes.end() ? 0 : found->second;
    }
};

/// Claims for `users` users, every fifth of them clicking twice, over `connections` keep-alive
/// connections, one thread each, all starting at the same moment.
inline Hammered hammer(std::uint16_t port, const std::string& campaign, int users,
                       int connections) {
    std::vector<std::string> attempts;
    for (int user = 0; user < users; ++user) {
        attempts.push_back("u" + std::to_string(user));
        if (user % 5 == 0) attempts.push_back(attempts.back());
    }
    const std::string path = "/campaigns/" + campaign + "/claims";
    Hammered result;
    std::mutex mutex;
    std::atomic<std::size_t> next{0};
    std::barrier gate(connections + 1);
    std::vector<std::thread> threads;
    threads.reserve(static_cast<std::size_t>(connections));
    for (int i = 0; i < connections; ++i) {
        threads.emplace_back([&] {
            TestClient client(port);
            std::vector<std::pair<std::string, std::string>> told;
            gate.arrive_and_wait();
            for (std::size_t k = next++; k < attempts.size(); k = next++) {
                const auto response =
                    client.request("POST", path, R"({"user":")" + attempts[k] + R"("})");
                told.emplace_back(attempts[k], nlohmann::json::parse(response.body)["outcome"]);
            }
            const std::lock_guard lock(mutex);
            for (const auto& [user, outcome] : told) {
                ++result.outcomes[outcome];
                if (outcome == "granted") result.granted_users.push_back(user);
            }
        });
    }
    gate.arrive_and_wait();
    const auto began = std::chrono::steady_clock::now();
    for (std::thread& thread : threads) thread.join();
    result.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began);
    return result;
}

}  // namespace claimstorm
