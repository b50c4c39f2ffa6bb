#include <chrono>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/run_flags.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "lab/lab.h"
#include "model/error.h"
#include "reports/side_by_side.h"
#include "reports/text_report.h"
#include "scenarios/run.h"
#include "scenarios/scenario_file.h"
#include "storm/storm.h"

namespace claimstorm {
namespace {

constexpr std::uint64_t kDemoSeed = 42;

FinishedRun run_one(const char* name, RunOptions options, RunDisplay& display) {
    options.on_phase = [&display](std::string_view what) { display.phase(what); };
    options.on_progress = [&display](const StormProgress& progress) {
        display.progress(progress.ended, progress.planned);
    };
    const std::atomic<bool>& stop = stop_on_signals();
    FinishedRun finished = run_scenario(load_scenario(name), options, stop);
    display.done();
    if (finished.interrupted) {
        throw Interrupted(
            fmt::format("interrupted: what there is, is in {}", finished.folder.string()));
    }
    return finished;
}

int demo(const RunFlags& flags) {
    const std::atomic<bool>& stop = stop_on_signals();
    RunOptions options = flags.options();
    if (!options.seed) options.seed = kDemoSeed;
    RunDisplay display(flags.quiet);
    fmt::print(
        "100 coupons, 2,000 users in the same instant, every fifth clicks twice.\n"
        "The same storm (seed {}) at two ways to write the service, on a private Redis and "
        "MariaDB.\n\n",
        *options.seed);
    std::fflush(stdout);
    LabOptions lab_options;
    lab_options.cancelled = [&stop] { return stop.load(); };
    const Lab lab(lab_options);
    options.mysql_url = lab.mysql_url();
    options.redis_url = lab.redis_url();

    if (!flags.output.empty()) options.folder = flags.output + "/naive";
    display.phase("— coupon/naive: read, check, write, no lock");
    const FinishedRun naive = run_one("coupon-naive", options, display);
    if (!flags.output.empty()) options.folder = flags.output + "/recheck";
    display.phase(
        "— coupon/global-lock/recheck: owner token, TTL, read again inside, guarded write");
    const FinishedRun sound = run_one("coupon-global-lock-recheck", options, display);

    const TextStyle style = stdout_style();
    fmt::print("\n{}\n{}\n", text_report(naive.result, style),
               side_by_side(naive.result, sound.result, style));
    fmt::print("run folders:  {}\n              {}\n", naive.folder.string(),
               sound.folder.string());
    fmt::print("next:         claimstorm check {}\n              claimstorm scenarios\n",
               naive.folder.string());
    const bool as_told =
        naive.result.verdict == Verdict::violated && sound.result.verdict == Verdict::holds;
    if (!as_told) {
        fmt::print(stderr, "claimstorm: the demo did not go as it should: coupon/naive {}, {} {}\n",
                   to_string(naive.result.verdict), "coupon/global-lock/recheck",
                   to_string(sound.result.verdict));
        return exit_status_of(Verdict::inconclusive);
    }
    return 0;
}

}  // namespace

void add_demo_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<RunFlags>();
    CLI::App* command = app.add_subcommand(
        "demo", "The tour: a wrong flow oversells, the right one holds, on a private lab");
    command->add_option("--seed", flags->seed, "Another storm (default 42)")
        ->envname("CLAIMSTORM_SEED");
    command
        ->add_option("-o,--output", flags->output,
                     "Folder for the two run folders (default: runs/)")
        ->envname("CLAIMSTORM_OUTPUT");
    command->add_flag("-q,--quiet", flags->quiet, "No progress")->envname("CLAIMSTORM_QUIET");
    command->callback([flags, &chosen] { chosen = [flags] { return demo(*flags); }; });
}

}  // namespace claimstorm
