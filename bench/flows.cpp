// The sound flows against each other: one lab, one storm (stock 1,000, users 20,000), the flows
// alternating, medians. It asks whether the founding articles are right that the global lock is the
// slow one, that pre-made envelopes with an id table are faster, and that INCR tickets are fastest.
//
//   ./dev bench flows [--rounds N] [--write DOCS]     DOCS: the folder whose flows.md is rewritten
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/flows_report.h"
#include "lab/lab.h"
#include "model/error.h"
#include "scenarios/flow_list.h"
#include "scenarios/http_call.h"
#include "scenarios/reference_target.h"
#include "scenarios/run.h"
#include "stores/mysql.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace claimstorm;
namespace fs = std::filesystem;

/// A flow with options, as one line of the table.
struct Contestant {
    std::string label;
    ReferenceTarget reference;
    CampaignKind kind = CampaignKind::coupon;
    bool is_sound = true;
};

std::vector<Contestant> contestants() {
    std::vector<Contestant> list;
    for (const FlowDescription& flow : list_flows({})) {
        if (!flow.sound) continue;
        const auto kind = flow.kind == "coupon" ? CampaignKind::coupon : CampaignKind::envelope;
        ReferenceTarget reference;
        reference.flow = flow.name;
        list.push_back({flow.name, reference, kind});
        if (flow.name == "coupon/global-lock/recheck") {
            for (const char* segments : {"4", "16"}) {
                reference.options = {{"granularity", "segments"}, {"segments", segments}};
                list.push_back({fmt::format("… {} segments", segments), reference, kind});
            }
        }
    }
    // The article's own incr has no user guard; it stands here for its speed alone.
    list.push_back({"envelope/incr (wrong)",
                    {"envelope/incr", {}, {}, 0, 0, {}},
                    CampaignKind::envelope,
                    false});
    return list;
}

/// The time InnoDB's row locks were waited for since the server's start.
std::int64_t row_lock_wait_ms(const std::string& mysql_url) {
    MysqlConnection mysql(parse_mysql_url(mysql_url));
    return mysql.query_one("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_time'")->int64("Value");
}

Scenario scenario_of(const Contestant& contestant, const Target& target) {
    Scenario scenario;
    scenario.name = "bench";
    scenario.target = target;
    scenario.campaign.id = "bench";
    scenario.campaign.kind = contestant.kind;
    scenario.campaign.stock = 1000;
    if (contestant.kind == CampaignKind::envelope) scenario.campaign.budget_cents = 100'000;
    scenario.storm.users = 20'000;
    scenario.storm.connections = 500;
    scenario.storm.timeout = std::chrono::seconds(30);
    return scenario;
}

FlowSample measure(const Contestant& contestant, const Lab& lab, const fs::path& folder,
                   std::uint64_t seed) {
    ReferenceOptions options;
    options.log = folder / "server.log";
    options.mysql_url = lab.mysql_url();
    options.redis_url = lab.redis_url();
    const RunningReference server(contestant.reference, options);
    RunOptions run;
    run.seed = seed;
    run.folder = folder / "run";
    const std::atomic<bool> stop{false};
    const std::int64_t row_waits_before = row_lock_wait_ms(lab.mysql_url());
    const FinishedRun finished = run_scenario(scenario_of(contestant, server.target()), run, stop);
    const auto row_waits =
        static_cast<double>(row_lock_wait_ms(lab.mysql_url()) - row_waits_before);
    const auto stats = nlohmann::json::parse(
        http_call({"GET", server.target().endpoint.base_url + "/stats", {}, {}}, 4096).body);
    if (finished.result.verdict != Verdict::holds && contestant.is_sound) {
        throw EnvironmentError(fmt::format("{} did not hold, so its speed means nothing: see {}",
                                           contestant.label, run.folder.string()));
    }
    fs::remove_all(run.folder);
    const StormFigures& figures = finished.result.storm;
    const double claim_ms = std::max(1.0, stats.at("claim_ms").get<double>());
    FlowSample sample;
    sample.answers_per_s = figures.attempts_per_s;
    sample.sold_out_ms = figures.time_to_sold_out_ms.value_or(figures.duration_ms);
    sample.latency_ms_p99 = figures.latency_ms.p99;
    sample.redis_lock_share = stats.at("redis_lock_wait_ms").get<double>() / claim_ms;
    sample.row_lock_share = row_waits / claim_ms;
    sample.granted = figures.count(Outcome::granted);
    return sample;
}

int bench(int rounds, const std::string& docs) {
    const test::TemporaryFolder folder;
    std::vector<FlowRow> rows;
    const std::vector<Contestant> list = contestants();
    rows.reserve(list.size());
    for (const Contestant& contestant : list) rows.push_back({contestant.label, {}});
    {
        const Lab lab{LabOptions{}};
        for (int round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < list.size(); ++i) {
                rows[i].samples.push_back(
                    measure(list[i], lab, folder.path, static_cast<std::uint64_t>(round) + 1));
                fmt::print(stderr, "round {} {}: {:.0f}/s\n", round + 1, list[i].label,
                           rows[i].samples.back().answers_per_s);
            }
        }
    }
    fmt::print("{}", flows_table(rows));
    if (!docs.empty()) write_flows_docs(docs, rows);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    int rounds = 5;
    std::string docs;
    CLI::App app("The sound flows against each other.", "bench_flows");
    app.add_option("--rounds", rounds)->check(CLI::Range(1, 100))->capture_default_str();
    app.add_option("--write", docs, "Rewrite the table and the picture in this folder");
    CLI11_PARSE(app, argc, argv);
    try {
        return bench(rounds, docs);
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_flows: {}\n", error.what());
        return 3;
    }
}
