#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/result_output.h"
#include "cli/run_flags.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "model/error.h"
#include "model/units.h"
#include "scenarios/judge.h"
#include "scenarios/scenario_file.h"
#include "storm/request_template.h"
#include "storm/storm.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string scenario;
    RunFlags run;
    std::vector<std::string> require;
    ResultOutput print;
    bool expect = false;
    bool dry_run = false;
    bool watch = false;
    std::string watch_every;
};

void show_poll(const StormOrder& order, const PlannedAttempt& planned) {
    const auto& poll = order.endpoint.poll;
    if (!poll) return;
    const IdsNeeded needed = ids_needed(poll->request);
    std::vector<std::string_view> ids;
    if (needed.claim_id) ids.emplace_back("its claim id is \"CLAIM-ID\"");
    if (needed.poll_id) ids.emplace_back("its poll id is \"POLL-ID\"");
    fmt::print("\nwhile it is pending, every {} until {} after it was sent{}{}:\n{}\n",
               format_duration(poll->every), format_duration(poll->until),
               ids.empty() ? "" : ", if ", fmt::join(ids, " and "),
               poll_text(order, planned, "CLAIM-ID", "POLL-ID"));
}

void show_requests(const StormOrder& order, const Plan& plan) {
    constexpr std::size_t kRequestsShown = 3;
    const std::vector<PlannedAttempt> shown = first_attempts(plan, kRequestsShown);
    fmt::print(
        "\nthe first {} to {}:\n",
        shown.size() == 1 ? std::string("request") : fmt::format("{} requests", shown.size()),
        order.endpoint.base_url);
    for (std::size_t i = 0; i < shown.size(); ++i) {
        fmt::print("{}{}\n", i == 0 ? "" : "\n", request_text(order, shown[i]));
    }
}

/// The plan and the first requests, without a byte sent.
int show_plan(const Scenario& scenario, const RunOptions& options) {
    constexpr std::size_t kAttemptsShown = 10;
    require_storm(scenario);
    const std::uint64_t seed = options.seed.value_or(scenario.seed.value_or(draw_seed()));
    const Plan plan(scenario.storm, seed);
    fmt::print("scenario {} · seed {} · {} attempts by {} users over {} connections\n",
               scenario.name, seed, with_commas(static_cast<std::int64_t>(plan.attempts())),
               with_commas(scenario.storm.users), with_commas(scenario.storm.connections));
    fmt::print("due_ns user_index attempt (the first {})\n{}",
               std::min<std::uint64_t>(kAttemptsShown, plan.attempts()),
               plan_text(plan, kAttemptsShown));
    if (const auto* target = std::get_if<Target>(&scenario.target)) {
        StormOrder order = storm_order(scenario, *target, seed);
        require_fireable(order);
        order.users = make_user_source(order.endpoint, order.spec.users);
        show_requests(order, plan);
        show_poll(order, first_attempts(plan, 1).front());
    } else {
        fmt::print("\nthe requests are those that claimstorm-server announces when it runs\n");
    }
    return 0;
}

int judge_expectation(const Scenario& scenario, const Result& result) {
    std::string difference;
    if (matches_expectation(result, *scenario.expect, difference)) {
        fmt::print(stderr, "as expected\n");
        return 0;
    }
    fmt::print(stderr, "not as expected: {}\n", difference);
    return 1;
}

int run(const Flags& flags) {
    Scenario scenario = load_scenario(flags.scenario);
    add_required(scenario, flags.require);
    if (flags.expect && !scenario.expect) {
        throw UsageError(
            fmt::format("{}: --expect needs \"expect\" in the scenario", scenario.name));
    }
    RunOptions options = flags.run.options();
    if (flags.watch) options.watch.emplace();
    if (!flags.watch_every.empty()) {
        options.watch.emplace().every = watch_interval_from(flags.watch_every, "--watch-every");
    }
    if (auto* target = std::get_if<Target>(&scenario.target);
        target != nullptr && options.transport != TransportKind::chosen) {
        target->endpoint.transport.kind = options.transport;
    }
    if (flags.dry_run) return show_plan(scenario, options);
    ResultOutput output = flags.print;
    output.quiet = flags.run.quiet;
    RunDisplay display(!output.is_for_people());
    options.on_phase = [&display](std::string_view what) { display.phase(what); };
    options.on_progress = [&display](const StormProgress& progress) {
        display.progress(progress.ended, progress.planned, progress.granted);
    };
    if (options.watch) {
        options.watch->on_sample = [&display](const StoreSample& sample) {
            display.sample(sample);
        };
    }
    const FinishedRun finished = run_scenario(scenario, options, stop_on_signals());
    display.done();
    if (finished.interrupted) {
        throw Interrupted(fmt::format(
            "interrupted: the history is kept; 'claimstorm check {}' judges what there is",
            finished.folder.string()));
    }
    print_result(finished.result, output, finished.folder.string());
    if (flags.expect) return judge_expectation(scenario, finished.result);
    return exit_status_of(finished.result.verdict);
}

}  // namespace

void add_run_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command = app.add_subcommand(
        "run", "Prepare, storm, settle, audit, report; the exit status is the verdict");
    command->add_option("scenario", flags->scenario, "Scenario file, or the name of a bundled one")
        ->required();
    flags->run.add_to(*command);
    add_require_option(*command, flags->require);
    flags->print.add_json_to(*command);
    command
        ->add_flag("--expect", flags->expect,
                   "Exit 0 when exactly what the scenario expects is found")
        ->envname("CLAIMSTORM_EXPECT");
    command
        ->add_flag("--watch", flags->watch,
                   "Read rows, backlog and cache while the storm runs, and judge them over time")
        ->envname("CLAIMSTORM_WATCH");
    command
        ->add_option("--watch-every", flags->watch_every,
                     "How often, with --watch, which it implies (default: 100ms); a fifth of the "
                     "time at most is spent on reading")
        ->envname("CLAIMSTORM_WATCH_EVERY");
    command->add_flag("--dry-run", flags->dry_run, "Print the plan, fire nothing");
    command->callback([flags, &chosen] { chosen = [flags] { return run(*flags); }; });
}

}  // namespace claimstorm
