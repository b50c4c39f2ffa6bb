#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "model/error.h"
#include "model/units.h"
#include "scenarios/import_log.h"
#include "scenarios/scenario_file.h"
#include "storm/figures.h"
#include "storm/hgrm.h"
#include "storm/history_export.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string run;
    std::string format = "ndjson";
    std::string from = "due";
};

/// The latency distribution, as the plotters of HdrHistogram read it.
HistoryContents print_hgrm(const std::filesystem::path& file, bool from_due) {
    const auto recorder = std::make_unique<StormRecorder>();
    Names users;
    HistoryContents contents = for_each_attempt(
        file, users, [&](const Attempt& attempt, std::string_view) { recorder->add(attempt); });
    fmt::print("{}", hgrm_text(from_due ? recorder->latency() : recorder->service()));
    return contents;
}

HistoryContents print_attempts(const std::filesystem::path& file, bool csv) {
    Names users;
    std::uint64_t index = 0;
    // The first line is for a history that can be read: for one that cannot, only stderr speaks.
    const auto print_header = [csv] {
        if (csv) fmt::print("{}\n", history_csv_header());
    };
    HistoryContents contents =
        for_each_attempt(file, users, [&](const Attempt& attempt, std::string_view claim_id) {
            if (index == 0) print_header();
            const ExportedAttempt exported{index++, attempt, users.name(attempt.user), claim_id};
            fmt::print("{}\n", csv ? to_csv(exported) : to_ndjson(exported));
        });
    if (index == 0) print_header();
    return contents;
}

int print_history(const Flags& flags) {
    const std::filesystem::path file = std::filesystem::path(flags.run) / "history.bin";
    const HistoryContents contents = flags.format == "hgrm"
                                         ? print_hgrm(file, flags.from == "due")
                                         : print_attempts(file, flags.format == "csv");
    if (std::fflush(stdout) != 0) throw EnvironmentError("the output could not be written");
    if (!contents.history.missing_tail.empty()) {
        fmt::print(stderr, "claimstorm: {}: {}\n", flags.run, contents.history.missing_tail);
    }
    return 0;
}

struct ImportFlags {
    std::string log;
    std::string scenario;
    std::string output;
    bool quiet = false;
};

int import_history(const ImportFlags& flags) {
    const FinishedImport finished =
        import_log(load_scenario(flags.scenario), flags.log, flags.output);
    if (flags.quiet) {
        fmt::print("{}\n", finished.folder.string());
        return 0;
    }
    fmt::print("{} attempts of {} users\nrun folder: {}\nnext:       claimstorm check {}\n",
               with_commas(static_cast<std::int64_t>(finished.log.attempts)),
               with_commas(finished.log.users), finished.folder.string(), finished.folder.string());
    return 0;
}

void add_import_command(CLI::App& history, CommandBody& chosen) {
    const auto flags = std::make_shared<ImportFlags>();
    CLI::App* command = history.add_subcommand(
        "import", "Make a run folder of another program's log, one JSON object an attempt");
    command->add_option("log", flags->log, "The log, NDJSON; - reads the standard input")
        ->required();
    command
        ->add_option("--scenario", flags->scenario,
                     "What was promised: name, campaign and checks are enough")
        ->required();
    command
        ->add_option("-o,--output", flags->output,
                     "Run folder (default: runs/<UTC time>-<scenario>)")
        ->envname("CLAIMSTORM_OUTPUT");
    command->add_flag("-q,--quiet", flags->quiet, "Print the run folder only")
        ->envname("CLAIMSTORM_QUIET");
    command->footer(
        "A line: {\"user\": \"u1\", \"sent_ns\": 0, \"done_ns\": 1200, \"outcome\": \"granted\", "
        "\"claim_id\": \"7\"}\n'claimstorm check RUN' judges the folder; its exit status is the "
        "verdict.");
    command->callback([flags, &chosen] { chosen = [flags] { return import_history(*flags); }; });
}

}  // namespace

void add_history_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command =
        app.add_subcommand("history", "Print every attempt of a run, one a line; or import a log");
    command->require_subcommand(0, 1);
    command->add_option("run", flags->run, "Run folder");
    command->add_option("--format", flags->format, "ndjson, csv, or hgrm: the latency distribution")
        ->check(CLI::IsMember({"ndjson", "csv", "hgrm"}))
        ->capture_default_str();
    command
        ->add_option("--from", flags->from,
                     "Where hgrm's latency begins: due (what users felt) or sent (the service's)")
        ->check(CLI::IsMember({"due", "sent"}))
        ->capture_default_str();
    command->callback([flags, command, &chosen] {
        if (!command->get_subcommands().empty()) return;
        if (flags->run.empty()) throw CLI::RequiredError("run");
        chosen = [flags] { return print_history(*flags); };
    });
    add_import_command(*command, chosen);
}

}  // namespace claimstorm
