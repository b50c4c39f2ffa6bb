#pragma once

#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "reference_server/server.h"
#include "tests/support/http_client.h"
#include "tests/support/shared_lab.h"

namespace claimstorm {

/// A reference server on a thread of its own, on the shared lab and a free port.
class RunningServer {
  public:
    explicit RunningServer(reference::ServerOptions options)
        : server_(std::move(options)), thread_([this] { server_.run(); }) {}
    ~RunningServer() {
        server_.stop();
        thread_.join();
    }
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    static reference::ServerOptions options(const std::string& flow,
                                            std::vector<std::string> flow_options = {}) {
        reference::ServerOptions options;
        options.flow = reference::find_flow(flow);
        options.flow_options = std::move(flow_options);
        options.mysql_url = shared_lab().mysql_url();
        options.redis_url = shared_lab().redis_url();
        options.workers = 16;
        return options;
    }

    reference::Server& server() { return server_; }
    std::uint16_t port() const {
        const std::string url = server_.base_url();
        return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
    }

    TestResponse request(std::string_view method, std::string_view path,
                         std::string_view body = {}) const {
        return TestClient(port()).request(method, path, body);
    }

    /// Creates or resets a coupon campaign.
    void create(const std::string& id, int stock) const {
        const auto response =
            request("POST", "/campaigns",
                    nlohmann::json{{"id", id}, {"kind", "coupon"}, {"stock", stock}}.dump());
        if (response.status != 201) throw std::runtime_error(response.body);
    }

    nlohmann::json state(const std::string& id) const {
        return nlohmann::json::parse(request("GET", "/campaigns/" + id).body);
    }

    TestResponse claim(const std::string& id, const std::string& user) const {
        return request("POST", "/campaigns/" + id + "/claims",
                       nlohmann::json{{"user", user}}.dump());
    }

  private:
    reference::Server server_;
    std::thread thread_;
};

}  // namespace claimstorm
