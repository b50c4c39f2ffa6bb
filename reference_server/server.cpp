#include "reference_server/server.h"

#include <exception>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/target_file.h"

namespace claimstorm::reference {
namespace {

StoreAddresses addresses_of(const ServerOptions& options) {
    StoreAddresses stores;
    stores.mysql = parse_mysql_url(options.mysql_url);
    stores.redis = parse_redis_url(options.redis_url);
    return stores;
}

FailpointCounters& counters_of(ServerOptions& options) {
    if (!options.failpoint_counters) {
        options.failpoint_counters = std::make_shared<FailpointCounters>();
    }
    return *options.failpoint_counters;
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(std::move(options)),
      stores_(addresses_of(options_)),
      flow_(options_.flow.make(
          FlowOptions(options_.flow.name, options_.flow.options, options_.flow_options))),
      failpoints_(options_.flow, counters_of(options_), options_.failpoint_seed),
      hook_([this](Context& context, std::string_view step) {
          if (options_.step_hook) options_.step_hook(context, step);
          failpoints_.hit(context, step);
      }),
      api_(options_.flow, *flow_, failpoints_, log_),
      front_(options_.front,
             [this](HttpRequest request, const HttpFront::Respond& respond) {
                 serve(std::move(request), respond);
             }),
      workers_(connect_workers(), options_.queue) {
    for (const std::string& failpoint : options_.failpoints) failpoints_.set(failpoint);
}

Server::~Server() {
    for (std::jthread& thread : background_) thread.request_stop();
}

std::string Server::base_url() const {
    const std::string& host = options_.front.host;
    // "Any address" is nothing to connect to; this machine is reached by the loopback one.
    const std::string reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
    const bool ipv6 = reachable.find(':') != std::string::npos;
    return fmt::format("http://{}:{}", ipv6 ? "[" + reachable + "]" : reachable, front_.port());
}

nlohmann::ordered_json Server::target_file() const {
    const FlowOptions options(options_.flow.name, options_.flow.options, options_.flow_options);
    return make_target_file(base_url(), options_.flow, *flow_, options, options_.mysql_url,
                            options_.redis_url);
}

std::vector<std::unique_ptr<Context>> Server::connect_workers() {
    std::vector<std::unique_ptr<Context>> contexts;
    for (std::size_t i = 0; i < options_.workers; ++i) {
        contexts.push_back(std::make_unique<Context>(stores_, &hook_));
        if (i == 0) flow_->create_schema(*contexts.front());
    }
    return contexts;
}

void Server::start_background() {
    for (BackgroundWork& work : flow_->background()) {
        background_.emplace_back([this, work = std::move(work)](const std::stop_token& stop) {
            run_background(work, stop);
        });
    }
}

void Server::run_background(const BackgroundWork& work, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        try {
            Context context(stores_, &hook_);
            work.run(context, stop);
        } catch (const std::exception& error) {
            log_.write(fmt::format("{}: {}; begun again", work.name, error.what()));
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
    }
}

void Server::serve(HttpRequest request, const HttpFront::Respond& respond) {
    if (auto answer = api_.answer_without_stores(request)) return respond(std::move(*answer));
    const bool queued =
        workers_.submit([this, request = std::move(request), respond](Context& context) {
            HttpResponse response = api_.answer(request, context);
            response.dropped = context.take_reply_dropped();
            respond(std::move(response));
        });
    if (!queued) respond(Api::busy());
}

}  // namespace claimstorm::reference
