#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/run_flags.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "reports/result_json.h"
#include "reports/text_report.h"
#include "scenarios/audit.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string scenario;
    std::string run;
    std::string output;
    std::vector<std::string> require;
    bool json = false;
    bool quiet = false;
};

int audit(const Flags& flags) {
    Scenario scenario = load_scenario(flags.scenario);
    add_required(scenario, flags.require);
    RunDisplay display(flags.quiet || flags.json);
    AuditOptions options;
    options.run = flags.run;
    options.folder = flags.output;
    options.on_phase = [&display](std::string_view what) { display.phase(what); };
    const Result result = audit_scenario(scenario, options, stop_on_signals());
    display.done();
    if (flags.json) {
        fmt::print("{}", result_to_json(result));
    } else if (flags.quiet) {
        fmt::print("{}: {}\n", result.scenario, to_string(result.verdict));
    } else {
        fmt::print("{}", text_report(result, stdout_style()));
        if (!flags.output.empty()) fmt::print("run folder: {}\n", flags.output);
    }
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
    command->add_flag("--json", flags->json, "Print result.json")->envname("CLAIMSTORM_JSON");
    command->add_flag("-q,--quiet", flags->quiet, "Only the verdict's line")
        ->envname("CLAIMSTORM_QUIET");
    command->callback([flags, &chosen] { chosen = [flags] { return audit(*flags); }; });
}

}  // namespace claimstorm
