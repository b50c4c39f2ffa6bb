// a, b and h: what an attempt costs the client, and how many it makes of that.
#include <algorithm>
#include <functional>
#include <map>
#include <sys/resource.h>

#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/nginx.h"
#include "bench/receiver.h"
#include "bench/storm_measurements.h"

namespace claimstorm::bench {
namespace {

constexpr int kManyConnections = 15'000;

/// Shares of one core, one a round: who was the limit.
struct Shares {
    std::vector<double> client;
    std::vector<double> server;

    std::string text(const std::string& server_name) const {
        const double client_share = 100 * quantile(client, 0.5);
        const double server_share = 100 * quantile(server, 0.5);
        return fmt::format("client {:.0f} % of a core, {} {:.0f} %", client_share, server_name,
                           server_share);
    }
};

/// A server to load, and what it used so far.
struct Served {
    std::string name;
    std::string url;
    std::function<double()> cpu_s;
};

struct Contest {
    std::string condition;
    int connections = 0;
    std::vector<Tool> tools;
    std::vector<std::string> flags = {};  ///< claimstorm's, besides
    std::string suffix = {};              ///< of the program's name in the table: what they are
};

LoadOrder load_order(const StormBench& bench, const std::string& url, const Contest& contest) {
    LoadOrder order;
    order.url = url;
    order.connections = contest.connections;
    order.duration = bench.effort.duration;
    // As many threads as the others have; and it looks into each answer, as in any run.
    order.claimstorm_flags = {"--threads", "1", "--outcome", "/code:0=granted"};
    order.claimstorm_flags.insert(order.claimstorm_flags.end(), contest.flags.begin(),
                                  contest.flags.end());
    return order;
}

/// All rounds of one contest. `cpu` may be missing.
void run_contest(const StormBench& bench, const Served& served, const Contest& contest,
                 Measurement* cpu, Measurement* rate) {
    std::map<Tool, Shares> shares;
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (const Tool tool : contest.tools) {
            const double before_s = served.cpu_s();
            const LoadRun load = bench.peers.fire(tool, load_order(bench, served.url, contest));
            const double server_s = served.cpu_s() - before_s;
            if (!load.why_not) {
                shares[tool].client.push_back(load.run.cpu_s / load.run.wall_s);
                shares[tool].server.push_back(server_s / load.run.wall_s);
            }
            if (cpu != nullptr) {
                Row& row = cpu->row(contest.condition, name_of(tool) + contest.suffix);
                add_sample(row, load, load.cpu_us_per_attempt());
                tell(cpu->letter, round, row);
            }
            if (rate != nullptr) {
                Row& row = rate->row(contest.condition, name_of(tool));
                add_sample(row, load, load.attempts_per_s);
                tell(rate->letter, round, row);
            }
        }
    }
    if (rate == nullptr) return;
    for (const auto& [tool, share] : shares) {
        Row& row = rate->row(contest.condition, name_of(tool));
        if (!row.samples.empty()) row.note = share.text(served.name);
    }
}

/// From one address, connect() looks for a free port among half of them first, and the last of
/// 15,000 connections look at all of that half. Loopback has addresses to spare.
std::vector<std::string> four_sources() {
    return {"--source", "127.0.0.1", "--source", "127.0.0.2",
            "--source", "127.0.0.3", "--source", "127.0.0.4"};
}
constexpr const char* kSpreadOut = " from four addresses";

/// How many files this process, and those that it starts, may have open at once.
std::int64_t open_files_max() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, 1U << 30));
}

}  // namespace

std::vector<Measurement> measure_load(const StormBench& bench) {
    Measurement cpu{"a", "Client CPU per attempt", "µs", 2};
    Measurement rate{"b", "Attempts a second, one thread", "attempts/s", 0};
    const std::vector<Tool> all = {Tool::claimstorm, Tool::wrk, Tool::ab,
                                   Tool::h2load,     Tool::hey, Tool::claimstorm_curl};
    {
        const Nginx nginx(bench.folder, 1000);
        const Served served{"nginx", nginx.url(), [&nginx] { return nginx.cpu_s(); }};
        run_contest(bench, served, {"nginx, 64 connections", 64, all}, &cpu, &rate);
        run_contest(bench, served, {"nginx, 1,000 connections", 1000, all}, &cpu, &rate);
    }
    const Receiver receiver(Receiver::Stamps::none);
    const Served served{"receiver", receiver.url(), [&receiver] { return receiver.cpu_s(); }};
    run_contest(bench, served,
                {"receiver, 64 connections", 64, {Tool::claimstorm, Tool::wrk, Tool::h2load}},
                nullptr, &rate);
    const std::string ours = name_of(Tool::claimstorm);
    for (const char* condition : {"nginx, 64 connections", "nginx, 1,000 connections"}) {
        cpu.goals.push_back({fmt::format("claimstorm / wrk, {}", condition),
                             cpu.ratio(condition, ours, "wrk"), 1.0});
    }
    for (const char* condition : {"nginx, 64 connections", "receiver, 64 connections"}) {
        rate.goals.push_back({fmt::format("claimstorm / wrk, {}", condition),
                              rate.ratio(condition, ours, "wrk"), 1.0, true});
    }
    return {cpu, rate};
}

std::vector<Measurement> measure_scale(const StormBench& bench) {
    Measurement cpu{"h", "Client CPU per attempt, few and many connections", "µs", 2};
    const std::string ours = name_of(Tool::claimstorm);
    constexpr const char* kFew = "64 connections";
    constexpr const char* kMany = "15,000 connections";
    if (open_files_max() < Nginx::files_needed(kManyConnections)) {
        cpu.row(kMany, ours).note =
            fmt::format("ulimit -n allows {} files: raise it", open_files_max());
        return {cpu};
    }
    const std::vector<Contest> contests = {
        {kFew, 64, {Tool::claimstorm}},
        {kFew, 64, {Tool::wrk}},
        {kMany, kManyConnections, {Tool::claimstorm}},
        {kMany, kManyConnections, {Tool::claimstorm}, four_sources(), kSpreadOut},
        {kMany, kManyConnections, {Tool::wrk}}};
    StormBench longer = bench;
    // Opening 15,000 connections is part of the bill; it is to be spread over many attempts.
    longer.effort.duration *= 3;
    longer.effort.rounds = 1;
    for (int round = 0; round < bench.effort.rounds; ++round) {
        for (const Contest& contest : contests) {
            // On a port of its own each time: the connections of the run before still linger, and
            // would leave too few free source ports.
            const Nginx nginx(bench.folder, contest.connections);
            const Served served{"nginx", nginx.url(), [&nginx] { return nginx.cpu_s(); }};
            run_contest(longer, served, contest, &cpu, nullptr);
        }
    }
    const auto few = cpu.median_of(kFew, ours);
    for (const std::string& who : {ours, ours + kSpreadOut}) {
        const auto many = cpu.median_of(kMany, who);
        Goal goal{fmt::format("{}, 15,000 connections / 64", who), std::nullopt, 2.0};
        if (few && many && *few > 0) goal.value = *many / *few;
        cpu.goals.push_back(goal);
    }
    return {cpu};
}

}  // namespace claimstorm::bench
