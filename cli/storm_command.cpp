#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/result_output.h"
#include "cli/signals.h"
#include "cli/storm_flags.h"
#include "cli/terminal.h"
#include "model/error.h"
#include "scenarios/judge.h"
#include "scenarios/load.h"
#include "scenarios/run.h"
#include "scenarios/run_folder.h"
#include "storm/hgrm.h"

namespace claimstorm {
namespace {

struct Flags {
    StormFlags storm;
    std::optional<std::uint64_t> seed;
    std::string output;
    std::string hgrm;
    ResultOutput print;
};

int storm(const Flags& flags) {
    const Scenario scenario = flags.storm.scenario();
    RunDisplay display(!flags.print.is_for_people());
    const FinishedLoad finished =
        run_load(scenario, flags.seed.value_or(draw_seed()), flags.output, stop_on_signals(),
                 [&display](std::uint64_t ended, std::uint64_t planned) {
                     display.progress(ended, planned);
                 });
    display.done();
    if (!flags.hgrm.empty()) write_text_file(flags.hgrm, hgrm_text(finished.recorder->latency()));
    print_result(finished.result, flags.print);
    if (finished.interrupted) throw Interrupted("interrupted: these are the figures until then");
    return exit_status_of(finished.result.verdict);
}

}  // namespace

void add_storm_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command = app.add_subcommand(
        "storm", "Load only, no stores: fire at a URL and report; no file needed");
    flags->storm.add_to(*command);
    command->add_option("--seed", flags->seed, "Draws the same plan again (default: drawn)")
        ->envname("CLAIMSTORM_SEED");
    command
        ->add_option("-o,--output", flags->output,
                     "Keep every attempt in this run folder (default: nothing is kept)")
        ->envname("CLAIMSTORM_OUTPUT");
    command->add_option("--hgrm", flags->hgrm, "Write the latency distribution to this file");
    flags->print.add_to(*command);
    command->callback([flags, &chosen] { chosen = [flags] { return storm(*flags); }; });
}

}  // namespace claimstorm
