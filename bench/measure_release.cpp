// d and e: how close together the attempts of a burst arrive.
#include <algorithm>

#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/bare_release.h"
#include "bench/h2_receiver.h"
#include "bench/receiver.h"
#include "bench/storm_measurements.h"

namespace claimstorm::bench {
namespace {

constexpr int kAttempts = 1000;
constexpr int kTogether = 30;
/// A burst is over in milliseconds: several a round cost nothing and steady the median.
constexpr int kRepeats = 3;

constexpr const char* kOpen = "connections open beforehand";
constexpr const char* kCold = "connections opened on the way";
constexpr const char* kSecond = "second wave, connections open";
constexpr const char* kBare = "bare send() loop";

/// Of the last arrivals, as many as the burst had: what came before was to open or to warm up.
std::optional<double> last_spread_ms(const std::vector<StampNs>& arrivals, std::size_t count) {
    if (arrivals.size() < count) return std::nullopt;
    return spread_ms(arrivals, arrivals.size() - count, count);
}

LoadOrder burst_order(const std::string& url, int connections, int attempts,
                      const std::string& gate) {
    LoadOrder order;
    order.url = url;
    order.connections = connections;
    order.requests = attempts;
    order.claimstorm_flags = {"--burst", "--gate", gate};
    return order;
}

void release_ours(const StormBench& bench, Receiver& receiver, Measurement& spread, int round) {
    receiver.begin();
    bare_release(receiver.port(), kAttempts);
    Row& bare = spread.row(kOpen, kBare);
    add_sample(bare, {}, last_spread_ms(receiver.arrivals(), kAttempts));
    tell(spread.letter, round, bare);
    for (const char* gate : {"full", "last-byte"}) {
        receiver.begin();
        const LoadRun load = bench.peers.fire(
            Tool::claimstorm, burst_order(receiver.url(), kAttempts, kAttempts, gate));
        Row& row = spread.row(kOpen, fmt::format("claimstorm --gate {}", gate));
        add_sample(row, load, last_spread_ms(receiver.arrivals(), kAttempts));
        tell(spread.letter, round, row);
    }
}

/// The others open their connections as they go: that is how they are used, and what they are held
/// against. What they could do at their best is measured besides: the receiver keeps its answers
/// back until every connection is open and has asked once, and the second wave counts. The very
/// first request, which ab sends alone and waits for, is in neither wave; so that is of 999.
void release_theirs(const StormBench& bench, Receiver& receiver, Measurement& spread, int round) {
    LoadOrder order;
    order.url = receiver.url();
    order.connections = kAttempts;
    for (const Tool tool : {Tool::wrk, Tool::ab, Tool::hey, Tool::h2load}) {
        order.requests = kAttempts;
        receiver.begin();
        LoadRun load = bench.peers.fire(tool, order);
        Row& cold = spread.row(kCold, name_of(tool));
        add_sample(cold, load, spread_ms(receiver.arrivals(), 0, kAttempts));
        tell(spread.letter, round, cold);
        order.requests = 2 * kAttempts;
        receiver.begin(kAttempts);
        load = bench.peers.fire(tool, order);
        Row& second = spread.row(kSecond, name_of(tool));
        add_sample(second, load, spread_ms(receiver.arrivals(), 1 + kAttempts, kAttempts - 1));
        tell(spread.letter, round, second);
    }
}

Goal ratio_goal(const std::string& text, std::optional<double> ours, std::optional<double> other,
                double limit) {
    Goal goal{text, std::nullopt, limit};
    if (ours && other && *other > 0) goal.value = *ours / *other;
    return goal;
}

}  // namespace

std::vector<Measurement> measure_release(const StormBench& bench) {
    Measurement spread{"d", "First to last arrival of 1,000 attempts", "ms", 2};
    spread.logarithmic = true;
    Receiver receiver(Receiver::Stamps::all);
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (int repeat = 0; repeat < kRepeats; ++repeat) {
            release_ours(bench, receiver, spread, round);
            release_theirs(bench, receiver, spread, round);
        }
    }
    for (const char* gate : {"full", "last-byte"}) {
        const std::string who = fmt::format("claimstorm --gate {}", gate);
        const auto ours = spread.median_of(kOpen, who);
        spread.goals.push_back(ratio_goal(fmt::format("{} / {}", who, kBare), ours,
                                          spread.median_of(kOpen, kBare), 1.3));
        for (const char* peer : {"hey", "ab"}) {
            spread.goals.push_back(ratio_goal(fmt::format("{} / {}", who, peer), ours,
                                              spread.median_of(kCold, peer), 0.25));
        }
    }
    return {spread};
}

std::vector<Measurement> measure_single_packet(const StormBench& bench) {
    Measurement spread{"e", "First to last arrival of 30 attempts", "ms", 3};
    constexpr const char* kOne = "HTTP/2, one connection";
    const std::string ours = "claimstorm --gate single-packet";
    H2Receiver h2;
    Receiver h1(Receiver::Stamps::all);
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (int repeat = 0; repeat < kRepeats; ++repeat) {
            LoadOrder order = burst_order(h2.url(), kTogether, kTogether, "single-packet");
            order.http2 = true;
            for (const Tool tool : {Tool::claimstorm, Tool::h2load}) {
                h2.begin();
                const LoadRun load = bench.peers.fire(tool, order);
                Row& row = spread.row(kOne, tool == Tool::claimstorm ? ours : name_of(tool));
                add_sample(row, load, last_spread_ms(h2.arrivals(), kTogether));
                tell(spread.letter, round, row);
            }
            h1.begin();
            const LoadRun load = bench.peers.fire(
                Tool::claimstorm, burst_order(h1.url(), kTogether, kTogether, "last-byte"));
            Row& row = spread.row("HTTP/1.1, 30 connections", "claimstorm --gate last-byte");
            add_sample(row, load, last_spread_ms(h1.arrivals(), kTogether));
            tell(spread.letter, round, row);
        }
    }
    spread.goals.push_back({ours, spread.median_of(kOne, ours), 0.2, false, "ms"});
    return {spread};
}

}  // namespace claimstorm::bench
