// f: how many storms it takes until a race of 200 us shows.
#include <algorithm>

#include <fmt/format.h>

#include "bench/racy_target.h"
#include "bench/storm_measurements.h"

namespace claimstorm::bench {
namespace {

constexpr int kClaims = 200;
constexpr int kStock = kClaims / 2;
constexpr int kSteady = 20;  // connections of a tool that loads rather than storms

struct Hunter {
    std::string condition;
    std::string who;
    Tool tool;
    int connections;
    std::vector<std::string> flags;
    int storms = 0;
    int found = 0;
    int short_of_claims = 0;  ///< storms that sent fewer claims than agreed
    std::string why_not = {};
};

constexpr const char* kEach = "a connection a claim";
constexpr const char* kFew = "20 connections";

std::vector<Hunter> hunters() {
    return {
        {kEach,
         "claimstorm --burst --gate full",
         Tool::claimstorm,
         kClaims,
         {"--burst", "--gate", "full"}},
        {kEach,
         "claimstorm --burst --gate last-byte",
         Tool::claimstorm,
         kClaims,
         {"--burst", "--gate", "last-byte"}},
        {kEach, "wrk", Tool::wrk, kClaims, {}},
        {kEach, "hey", Tool::hey, kClaims, {}},
        // Without a burst, claimstorm is a load generator as the others are: the control.
        {kFew, "claimstorm", Tool::claimstorm, kSteady, {}},
        {kFew, "wrk", Tool::wrk, kSteady, {}},
        {kFew, "hey", Tool::hey, kSteady, {}},
    };
}

void hunt(const StormBench& bench, RacyTarget& target, Hunter& hunter) {
    target.begin(kStock, kClaims);
    LoadOrder order;
    order.url = target.url();
    order.connections = hunter.connections;
    order.requests = kClaims;
    order.claimstorm_flags = hunter.flags;
    const LoadRun load = bench.peers.fire(hunter.tool, order);
    const RacyTarget::Sale sale = target.end();
    if (load.why_not) {
        hunter.why_not = *load.why_not;
        return;
    }
    ++hunter.storms;
    if (sale.excess > 0) ++hunter.found;
    if (sale.claims < kClaims) ++hunter.short_of_claims;
}

Row row_of(const Hunter& hunter) {
    Row row{hunter.condition, hunter.who};
    row.note = hunter.why_not;
    if (hunter.storms == 0) return row;
    // Where none was found, as many as were fired is the least that it takes.
    row.samples = {static_cast<double>(hunter.storms) / std::max(1, hunter.found)};
    row.note = fmt::format("{} of {} storms found it", hunter.found, hunter.storms);
    if (hunter.short_of_claims > 0) {
        row.note += fmt::format("; {} sent fewer claims", hunter.short_of_claims);
    }
    return row;
}

}  // namespace

std::vector<Measurement> measure_races(const StormBench& bench) {
    Measurement races{"f", "Storms until a race of 200 µs is found", "storms", 1};
    RacyOptions options;
    options.answer_min = std::chrono::milliseconds(20);
    options.answer_max = std::chrono::milliseconds(60);
    RacyTarget target(options);
    std::vector<Hunter> all = hunters();
    const int storms_a_round = bench.effort.quick ? 4 : 20;
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (int storm = 0; storm < storms_a_round; ++storm) {
            for (Hunter& hunter : all) hunt(bench, target, hunter);
        }
        for (const Hunter& hunter : all) tell(races.letter, round, row_of(hunter));
    }
    races.rows.reserve(all.size());
    for (const Hunter& hunter : all) races.rows.push_back(row_of(hunter));
    const auto ours = races.median_of(kEach, all.front().who);
    for (const char* condition : {kFew, kEach}) {
        for (const char* peer : {"wrk", "hey"}) {
            Goal goal{fmt::format("{} with {} / {}", peer, condition, all.front().who),
                      std::nullopt, 5, true};
            const auto theirs = races.median_of(condition, peer);
            if (ours && theirs) goal.value = *theirs / *ours;
            races.goals.push_back(goal);
        }
    }
    return {races};
}

}  // namespace claimstorm::bench
