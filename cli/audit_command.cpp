#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/result_output.h"
#include "cli/run_flags.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "scenarios/audit.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string scenario;
    std::string run;
    std::string output;
    std::vector<std::string> require;
    ResultOutput print;
};

int audit(const Flags& flags) {
    Scenario scenario = load_scenario(flags.scenario);
    add_required(scenario, flags.require);
    RunDisplay display(!flags.print.is_for_people());
    AuditOptions options;
    options.run = flags.run;
    options.folder = flags.output;
    options.on_phase = [&display](std::string_view what) { display.phase(what); };
    const Result result = audit_scenario(scenario, options, stop_on_signals());
    display.done();
    print_result(result, flags.print, flags.output);
    return exit_status_of(result.verdict);
}

}  // namespace

void add_audit_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command =
        app.add_subcommand("audit", "Read the stores as they are now, read-only, and judge them");
    command->add_option("scenario", flags->scenario, "Scenario file with a target")->required();
    command->add_option("--run", flags->run, "Judge the history of this run folder with them");
    command
        ->add_option("-o,--output", flags->output,
                     "Keep what was found in this run folder (default: nothing is kept)")
        ->envname("CLAIMSTORM_OUTPUT");
    add_require_option(*command, flags->require);
    flags->print.add_to(*command);
    command->callback([flags, &chosen] { chosen = [flags] { return audit(*flags); }; });
}

}  // namespace claimstorm
