// The judge at a great many claims, from the history and real stores to the verdict, next to the
// SQL that an engineer would write for the same questions; both in one run, taking turns, medians.
// The judge runs in a process of its own, so that its peak memory is its own.
//
//   ./dev bench checks [--counts 100000,1000000] [--rounds N] [--in-order] [--quick] [--write docs]
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "bench/checks_judge.h"
#include "bench/checks_report.h"
#include "bench/client_run.h"
#include "cli/signals.h"
#include "model/error.h"
#include "model/units.h"
#include "tests/support/temporary_folder.h"

namespace {

using namespace claimstorm;
using namespace claimstorm::bench;
namespace fs = std::filesystem;

constexpr auto kJudgeMax = std::chrono::minutes(30);

struct Flags {
    std::vector<std::int64_t> counts = {100'000, 1'000'000, 3'000'000, 10'000'000};
    int rounds = 3;
    bool quick = false;
    bool no_hand = false;
    bool in_order = false;
    std::string docs;
    Case judge;  ///< this process is the judge: its folder is set
};

Lab start_lab() {
    LabOptions options;
    // As on a machine made for a database: the hand-written SQL is not to suffer for a small one.
    options.mariadb_options = {"innodb_buffer_pool_size=2G", "innodb_log_file_size=512M",
                               "tmp_table_size=1G", "max_heap_table_size=1G",
                               "sort_buffer_size=64M"};
    return Lab(options);
}

void judge_once(const Case& sale, const std::atomic<bool>& stop, Judged& judged) {
    std::vector<std::string> argv = {fs::read_symlink("/proc/self/exe").string(),
                                     "--judge",
                                     sale.folder.string(),
                                     "--mysql",
                                     sale.mysql_url,
                                     "--redis",
                                     sale.redis_url,
                                     "--claims",
                                     std::to_string(sale.claims)};
    if (sale.save) argv.emplace_back("--save");
    const ClientRun run = run_client(argv, sale.folder, kJudgeMax, stop);
    if (run.status.code != 0) throw EnvironmentError("the judge failed: " + run.err);
    fmt::print(stderr, "{}", run.err);
    judged.judge.push_back(judgement_from(run.out));
    judged.judge_cpu_s.push_back(run.cpu_s);
    judged.judge_peak_mb.push_back(static_cast<double>(run.rss_max_bytes) / 1e6);
    fmt::print(stderr, "{} claims: {} in {:.2f} s, {:.0f} MB\n", with_commas(sale.claims),
               judged.judge.back().verdict, judged.judge.back().seconds(),
               judged.judge_peak_mb.back());
}

Judged measure(const Lab& lab, const fs::path& folder, std::int64_t claims, const Flags& flags,
               const std::atomic<bool>& stop) {
    const Sale sale(claims, flags.in_order);
    fs::create_directory(folder);
    fmt::print(stderr, "{} claims: filling the stores\n", with_commas(claims));
    MysqlOptions patient;
    patient.io_timeout = kJudgeMax;
    MysqlConnection mysql(parse_mysql_url(lab.mysql_url()), patient);
    fill_mysql(mysql, sale);
    RedisConnection redis(parse_redis_url(lab.redis_url()));
    fill_redis(redis, sale);
    write_answers(folder, sale);

    Judged judged;
    judged.claims = claims;
    judged.history_bytes = static_cast<std::int64_t>(fs::file_size(folder / kHistoryFile));
    const Case of{folder, lab.mysql_url(), lab.redis_url(), claims, flags.judge.save};
    for (int round = 0; round < (flags.quick ? 1 : flags.rounds) && !stop; ++round) {
        judge_once(of, stop, judged);
        if (flags.no_hand) continue;
        judged.by_hand.push_back(judge_by_hand(of));
        fmt::print(stderr, "{} claims by hand: {} in {:.2f} s\n", with_commas(claims),
                   judged.by_hand.back().verdict, judged.by_hand.back().seconds());
    }
    fs::remove_all(folder);
    return judged;
}

int bench_checks(const Flags& flags) {
    const std::atomic<bool>& stop = stop_on_signals();
    const test::TemporaryFolder folder;
    const Lab lab = start_lab();
    std::vector<Judged> all;
    for (const std::int64_t claims :
         flags.quick ? std::vector<std::int64_t>{10'000, 100'000} : flags.counts) {
        if (stop) throw Interrupted("interrupted");
        all.push_back(measure(lab, folder.path / std::to_string(claims), claims, flags, stop));
    }
    fmt::print("{}", judged_text(all));
    if (!flags.docs.empty()) write_judged_docs(flags.docs, all);
    return 0;
}

int judge_for_parent(const Case& sale) {
    fmt::print("{}\n", to_line(judge_here(sale)));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    Flags flags;
    CLI::App app("The judge at a great many claims, next to SQL by hand.", "bench_checks");
    app.add_option("--counts", flags.counts, "How many claims, rising")
        ->delimiter(',')
        ->check(CLI::Range(1000, 100'000'000))
        ->capture_default_str();
    app.add_option("--rounds", flags.rounds)->check(CLI::Range(1, 100))->capture_default_str();
    app.add_flag("--quick", flags.quick, "100,000 claims, one round: to see that it works");
    app.add_flag("--no-hand", flags.no_hand, "Leave out the SQL by hand");
    app.add_flag("--in-order", flags.in_order, "Users claim in the order of their names");
    app.add_flag("--save", flags.judge.save, "Write ledger.bin on the way, as a run does");
    app.add_option("--write", flags.docs, "Rewrite tables and picture in this folder")
        ->check(CLI::ExistingDirectory);
    app.add_option("--judge", flags.judge.folder)->group("");
    app.add_option("--mysql", flags.judge.mysql_url)->group("");
    app.add_option("--redis", flags.judge.redis_url)->group("");
    app.add_option("--claims", flags.judge.claims)->group("");
    CLI11_PARSE(app, argc, argv);
    try {
        return flags.judge.folder.empty() ? bench_checks(flags) : judge_for_parent(flags.judge);
    } catch (const Error& error) {
        fmt::print(stderr, "bench_checks: {}\n", error.what());
        return error.exit_status();
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_checks: {}\n", error.what());
        return 3;
    }
}
