#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/command.h"
#include "cli/result_output.h"
#include "cli/run_flags.h"
#include "cli/terminal.h"
#include "scenarios/judge.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string run;
    std::vector<std::string> require;
    ResultOutput print;
};

int check(const Flags& flags) {
    LoadedRun run = load_run(flags.run);
    add_required(run.scenario, flags.require);
    const Result result = judge(run.scenario, run.seed, run.evidence, std::move(run.notes));
    write_result(flags.run, result);
    print_result(result, flags.print);
    return exit_status_of(result.verdict);
}

}  // namespace

void add_check_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command =
        app.add_subcommand("check", "Judge a run folder again, without its target or stores");
    command->add_option("run", flags->run, "Run folder")->required();
    add_require_option(*command, flags->require);
    flags->print.add_to(*command);
    command->callback([flags, &chosen] { chosen = [flags] { return check(*flags); }; });
}

}  // namespace claimstorm
