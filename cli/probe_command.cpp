#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "scenarios/probe.h"
#include "scenarios/probe_report.h"

namespace claimstorm {
namespace {

struct Flags {
    std::string subject;
    ProbeOptions options;
    bool json = false;
};

int probe(const Flags& flags) {
    constexpr int kEvidenceUnreadable = 3;
    constexpr int kNoRuleFits = 4;
    const ProbeSubject subject = load_probe_subject(flags.subject, flags.options);
    RunDisplay display(flags.json);
    ProbeOptions options = flags.options;
    options.on_phase = [&display](std::string_view what) { display.phase(what); };
    const Probe made = run_probe(subject, options, stop_on_signals());
    fmt::print("{}", flags.json ? probe_json(made) : probe_text(made));
    if (made.is_sent && !made.final_reading.matched) return kNoRuleFits;
    return made.is_evidence_read() ? 0 : kEvidenceUnreadable;
}

}  // namespace

void add_probe_command(CLI::App& app, CommandBody& chosen) {
    const auto flags = std::make_shared<Flags>();
    CLI::App* command = app.add_subcommand(
        "probe", "Send one claim, a real one, and show how it and the stores are read");
    command->add_option("subject", flags->subject, "Target file, or a scenario with one")
        ->required();
    command->add_option("--user", flags->options.user, "Which user claims, counted from 1")
        ->check(CLI::Range(std::uint32_t{1}, std::uint32_t{100'000'000}))
        ->capture_default_str();
    command->add_option("--campaign", flags->options.campaign,
                        "What {campaign} stands for (default: the scenario's)");
    command
        ->add_option("--stock", flags->options.stock,
                     "What {stock} stands for in the prepare steps (default: the scenario's)")
        ->check(CLI::PositiveNumber);
    command->add_flag("--prepare", flags->options.prepare, "Run the target's prepare steps first");
    command->add_flag("--json", flags->json, "Print JSON")->envname("CLAIMSTORM_JSON");
    command->footer(
        "Of a target that names its stores alone these are read, and nothing is sent. Exit status: "
        "0 a "
        "rule fits the answer and all evidence can be read, 3 the service or some "
        "evidence cannot be reached, 4 no rule fits.");
    command->callback([flags, &chosen] { chosen = [flags] { return probe(*flags); }; });
}

}  // namespace claimstorm
