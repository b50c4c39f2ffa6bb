#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/run_flags.h"
#include "cli/terminal.h"
#include "reports/result_json.h"
#include "reports/text_report.h"
#include "scenarios/judge.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string run;
    std::vector<std::string> require;
    bool json = false;
    bool quiet = false;
};

int check(const Flags& flags) {
    LoadedRun run = load_run(flags.run);
    add_required(run.scenario, flags.require);
    const Result result = judge(run.scenario, run.seed, run.evidence, std::move(run.notes));
    write_result(flags.run, result);
    if (flags.json) {
        fmt::print("{}", result_to_json(result));
    } else if (flags.quiet) {
        fmt::print("{}: {}\n", result.scenario, to_string(result.verdict));
    } else {
        fmt::print("{}", text_report(result, stdout_style()));
    }
    return exit_status_of(result.verdict);
}

}  // namespace

void add_check_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command =
        app.add_subcommand("check", "Judge a run folder again, without its target or stores");
    command->add_option("run", flags->run, "Run folder")->required();
    add_require_option(*command, flags->require);
    command->add_flag("--json", flags->json, "Print result.json")->envname("CLAIMSTORM_JSON");
    command->add_flag("-q,--quiet", flags->quiet, "Only the verdict's line")
        ->envname("CLAIMSTORM_QUIET");
    command->callback([flags, &chosen] { chosen = [flags] { return check(*flags); }; });
}

}  // namespace claimstorm
