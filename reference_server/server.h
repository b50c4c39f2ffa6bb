#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "reference_server/api.h"
#include "reference_server/context.h"
#include "reference_server/error_log.h"
#include "reference_server/failpoints.h"
#include "reference_server/flows.h"
#include "reference_server/http_front.h"
#include "reference_server/worker_pool.h"

namespace claimstorm::reference {

struct ServerOptions {
    FlowEntry flow;
    std::vector<std::string> flow_options;  ///< "name=value"
    std::string mysql_url;
    std::string redis_url;
    /// As many as application servers usually have, and with the connections of a few others still
    /// below the 151 MySQL allows by default.
    std::size_t workers = 128;
    std::size_t queue = 20000;  ///< requests that may wait for a worker; beyond it 503
    HttpFrontOptions front;
    std::vector<std::string> failpoints;  ///< "STEP=ACTION[@WHEN]"
    std::uint64_t failpoint_seed = 0;
    /// Given by whoever restarts a crashed server; else the server makes its own.
    std::shared_ptr<FailpointCounters> failpoint_counters;
    StepHook step_hook;  ///< may be empty; called before the failpoints
};

/// One flow served over HTTP: front, workers, the flow's background threads.
class Server {
  public:
    /// Connects to the stores, makes the tables, listens. Requests are answered from `run` on.
    /// Throws UsageError (flow options, URLs), EnvironmentError (stores, port).
    explicit Server(ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::string base_url() const;
    /// All that a storm needs to know of this server and its flow, as a target file.
    nlohmann::ordered_json target_file() const;

    /// Serves on the calling thread until `stop`. The background work begins here, so that a crash
    /// in it comes after the server has said where it listens.
    void run() {
        start_background();
        front_.run();
    }
    /// Ends `run` once the requests in work are answered; from any thread.
    void stop() { front_.stop(); }

  private:
    std::vector<std::unique_ptr<Context>> connect_workers();
    void start_background();
    void run_background(const BackgroundWork& work, const std::stop_token& stop);
    void serve(HttpRequest request, const HttpFront::Respond& respond);

    ServerOptions options_;
    StoreAddresses stores_;
    ErrorLog log_;
    std::unique_ptr<Flow> flow_;
    Failpoints failpoints_;
    StepHook hook_;
    Api api_;
    // From here on the order is that of the end: the background first, the front last.
    HttpFront front_;
    WorkerPool workers_;
    std::vector<std::jthread> background_;
};

}  // namespace claimstorm::reference
