// c: how late attempts are at a constant rate, by the sender's own account and as they arrive.
#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/receiver.h"
#include "bench/storm_measurements.h"

namespace claimstorm::bench {
namespace {

constexpr int kPerSecond = 10'000;
constexpr int kConnections = 50;
constexpr const char* kSeen = "seen by the receiver";
constexpr const char* kOwn = "by its own account";

/// What arrived in all, a second, when that is not what was asked for.
std::string shortfall(const std::vector<StampNs>& arrivals, std::chrono::seconds duration) {
    const double rate =
        static_cast<double>(arrivals.size()) / static_cast<double>(duration.count());
    constexpr double kClose = 0.99;
    return rate < kClose * kPerSecond ? fmt::format("only {:.0f}/s came", rate) : "";
}

}  // namespace

std::vector<Measurement> measure_lag(const StormBench& bench) {
    Measurement lag{"c", "Send lag at 10,000/s, 99th percentile", "µs", 0};
    lag.logarithmic = true;
    Receiver receiver(Receiver::Stamps::all);
    LoadOrder order;
    order.url = receiver.url();
    order.connections = kConnections;
    order.duration = bench.effort.duration;
    order.per_second = kPerSecond;
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (const Tool tool : {Tool::claimstorm, Tool::h2load, Tool::hey}) {
            receiver.begin();
            const LoadRun load = bench.peers.fire(tool, order);
            const std::vector<StampNs> arrivals = receiver.arrivals();
            Row& seen = lag.row(kSeen, name_of(tool));
            add_sample(seen, load, grid_lag_us_p99(arrivals, kPerSecond));
            if (const std::string text = shortfall(arrivals, bench.effort.duration);
                !load.why_not && !text.empty()) {
                seen.note = text;
            }
            tell(lag.letter, round, seen);
            if (tool != Tool::claimstorm) continue;
            Row& own = lag.row(kOwn, name_of(tool));
            std::optional<double> figure;
            if (load.storm.contains("send_lag_us_p99") &&
                load.storm.at("send_lag_us_p99").is_number()) {
                figure = load.storm.at("send_lag_us_p99").get<double>();
            }
            add_sample(own, load, figure);
            tell(lag.letter, round, own);
        }
    }
    for (const char* without : {"wrk", "ab"}) {
        lag.row(kSeen, without).note = "has no constant rate";
    }
    for (const char* condition : {kSeen, kOwn}) {
        lag.goals.push_back({fmt::format("claimstorm, {}", condition),
                             lag.median_of(condition, name_of(Tool::claimstorm)), 200, false,
                             "µs"});
    }
    return {lag};
}

}  // namespace claimstorm::bench
