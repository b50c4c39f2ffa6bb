#include "cli/flows_verify.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/run_flags.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "model/error.h"
#include "model/units.h"
#include "reports/text_layout.h"
#include "scenarios/flow_list.h"
#include "scenarios/run.h"
#include "scenarios/scenario_file.h"
#include "scenarios/verify_flows.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

struct Flags {
    std::vector<std::string> names;  ///< flows, bundled scenarios or files; empty: all bundled
    bool quick = false;
    std::uint32_t repeat = 1;
    std::optional<std::uint64_t> seed;
    std::string output;
    bool json = false;
};

/// The bundled scenarios to run, flow by flow, the plain condition of each first.
std::vector<std::string> chosen_scenarios(const Flags& flags) {
    std::vector<std::string> scenarios;
    std::vector<std::string_view> known;
    const std::vector<FlowDescription> flows = list_flows({});
    known.reserve(flows.size());
    for (const FlowDescription& flow : flows) known.emplace_back(flow.name);
    auto by_flow = scenarios_by_flow();
    const auto is_named = [&flags](const std::string& name) {
        return flags.names.empty() ||
               std::find(flags.names.begin(), flags.names.end(), name) != flags.names.end();
    };
    for (const FlowDescription& flow : flows) {
        bool first = true;
        for (const Scenario& scenario : by_flow[flow.name]) {
            const bool wanted = is_named(flow.name) || is_named(scenario.name);
            if (wanted && (first || !flags.quick)) scenarios.push_back(scenario.name);
            first = false;
        }
    }
    for (const std::string& name : flags.names) {
        const bool is_flow = std::find(known.begin(), known.end(), name) != known.end();
        if (is_flow || std::find(scenarios.begin(), scenarios.end(), name) != scenarios.end()) {
            continue;
        }
        load_scenario(name);  // throws, with what was meant, where it is no file either
        scenarios.push_back(name);
    }
    return scenarios;
}

std::string found_text(const VerifiedCondition& verified) {
    std::vector<std::string> parts;
    for (const auto& [name, times] : verified.found) {
        parts.push_back(verified.runs == 1 ? name
                                           : fmt::format("{} {}/{}", name, times, verified.runs));
    }
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

std::string expected_text(const Expectation& expected) {
    std::vector<std::string> parts = expected.violated;
    for (const std::string& name : expected.may) parts.push_back("(" + name + ")");
    return parts.empty() ? "nothing" : fmt::format("{}", fmt::join(parts, ", "));
}

/// Four cells and a mark, each cell wrapped into its column.
void print_row(const std::array<std::string, 4>& cells, std::string_view mark) {
    constexpr std::array<std::size_t, 4> kWidths = {36, 28, 24, 24};
    std::array<std::vector<std::string>, 4> lines;
    std::size_t height = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        lines[i] = wrapped(printable(cells[i]), kWidths[i]);
        height = std::max(height, lines[i].size());
    }
    for (std::size_t line = 0; line < height; ++line) {
        std::string row;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            row += padded(line < lines[i].size() ? lines[i][line] : "", kWidths[i]) + "  ";
        }
        fmt::print("{}{}\n", row, line == 0 ? mark : "");
    }
    std::fflush(stdout);
}

void print_condition(const VerifiedCondition& verified) {
    const TextStyle style = stdout_style();
    std::string mark = painted(verified.is_as_expected() ? "ok" : "NOT AS EXPECTED",
                               verified.is_as_expected() ? Paint::good : Paint::bad, style.color);
    if (verified.runs > 1) mark += fmt::format(" {}/{}", verified.as_expected, verified.runs);
    print_row(
        {verified.flow, verified.condition, expected_text(verified.expected), found_text(verified)},
        mark);
    for (const VerifiedCondition::Miss& miss : verified.misses) {
        fmt::print("    {} --seed {}: {}{}\n", verified.scenario, miss.seed, miss.difference,
                   miss.folder.empty() ? "" : "; see " + miss.folder.string());
    }
}

ordered_json to_json(const VerifiedCondition& verified) {
    ordered_json misses = ordered_json::array();
    for (const VerifiedCondition::Miss& miss : verified.misses) {
        misses.push_back({{"seed", miss.seed},
                          {"difference", miss.difference},
                          {"folder", miss.folder.string()}});
    }
    return {{"flow", verified.flow},
            {"scenario", verified.scenario},
            {"condition", verified.condition},
            {"expected", verified.expected.violated},
            {"may", verified.expected.may},
            {"runs", verified.runs},
            {"as_expected", verified.as_expected},
            {"fired_again", verified.fired_again},
            {"found", verified.found},
            {"misses", misses}};
}

std::filesystem::path default_folder() {
    return fmt::format("runs/verify-{:%Y%m%dT%H%M%SZ}",
                       fmt::gmtime(std::chrono::system_clock::now()));
}

int verify(const Flags& flags) {
    const std::vector<std::string> scenarios = chosen_scenarios(flags);
    if (scenarios.empty()) throw UsageError("no bundled scenario is left to verify");
    VerifyOptions options;
    options.repeat = flags.repeat;
    options.seed = flags.seed.value_or(draw_seed());
    options.folder = flags.output.empty() ? default_folder() : std::filesystem::path(flags.output);
    if (!flags.json) {
        options.on_ready = [&] {
            fmt::print("{} conditions, {} each, seed {}\n\n", scenarios.size(),
                       flags.repeat == 1 ? "once" : fmt::format("{} times", flags.repeat),
                       options.seed);
            print_row({"FLOW", "CONDITION", "EXPECTED", "FOUND"}, "");
        };
        options.on_end = print_condition;
    }
    const auto began = std::chrono::steady_clock::now();
    const std::vector<VerifiedCondition> verified =
        verify_flows(scenarios, options, stop_on_signals());
    const auto good = std::count_if(verified.begin(), verified.end(),
                                    [](const VerifiedCondition& v) { return v.is_as_expected(); });
    const bool all = good == static_cast<std::ptrdiff_t>(verified.size());
    if (flags.json) {
        ordered_json list = ordered_json::array();
        for (const VerifiedCondition& one : verified) list.push_back(to_json(one));
        fmt::print(
            "{}\n",
            ordered_json{{"as_expected", all}, {"seed", options.seed}, {"conditions", list}}.dump(
                2, ' ', false, ordered_json::error_handler_t::replace));
    } else {
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        fmt::print("\n{} of {} conditions as expected, in {:.0f} s\n", good, verified.size(),
                   took.count());
    }
    return all ? 0 : 1;
}

}  // namespace

void add_flows_verify(CLI::App& flows, CommandBody& chosen) {
    constexpr std::uint32_t kRepeatMax = 10'000;
    const auto flags = std::make_shared<Flags>();
    CLI::App* command = flows.add_subcommand(
        "verify", "Run every flow under every condition; exit 0 when each finds what it should");
    command->add_option("name", flags->names, "Only these flows, bundled scenarios or files");
    command->add_flag("--quick", flags->quick, "Only the first condition of each flow")
        ->envname("CLAIMSTORM_QUICK");
    command
        ->add_option("--repeat", flags->repeat,
                     "Run each this often and print how often what was found")
        ->envname("CLAIMSTORM_REPEAT")
        ->check(CLI::Range(1U, kRepeatMax))
        ->capture_default_str();
    command->add_option("--seed", flags->seed, "Of the first repeat (default: drawn)")
        ->envname("CLAIMSTORM_SEED");
    command
        ->add_option("-o,--output", flags->output,
                     "Where run folders of misses are kept (default: runs/verify-<UTC time>)")
        ->envname("CLAIMSTORM_OUTPUT");
    command->add_flag("--json", flags->json, "For programs")->envname("CLAIMSTORM_JSON");
    command->callback([flags, &chosen] { chosen = [flags] { return verify(*flags); }; });
}

}  // namespace claimstorm
