#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "cli/flows_verify.h"
#include "model/error.h"
#include "model/units.h"
#include "scenarios/flow_list.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

int list() {
    const std::vector<FlowDescription> flows = list_flows({});
    std::size_t width = 0;
    for (const FlowDescription& flow : flows) width = std::max(width, flow.name.size());
    for (const FlowDescription& flow : flows) {
        fmt::print("{:<{}}  {}  {}\n", flow.name, width, flow.sound ? "sound" : "wrong",
                   flow.about);
    }
    fmt::print("\n'claimstorm flows explain NAME' tells how one works and what breaks it\n");
    return 0;
}

std::string expected_text(const Expectation& expected) {
    std::string text = expected.violated.empty()
                           ? "nothing"
                           : fmt::format("{}", fmt::join(expected.violated, ", "));
    if (!expected.may.empty())
        text += fmt::format(" (and perhaps {})", fmt::join(expected.may, ", "));
    return text;
}

void print_scenarios(const FlowDescription& flow) {
    fmt::print("\nWhat each bundled scenario finds:\n");
    const auto by_flow = scenarios_by_flow();
    const auto found = by_flow.find(flow.name);
    if (found == by_flow.end()) return;
    for (const Scenario& scenario : found->second) {
        fmt::print("  {}{}\n      {}\n", scenario.name,
                   scenario.condition.empty() ? "" : ": " + scenario.condition,
                   scenario.expect ? expected_text(*scenario.expect) : "(it expects nothing)");
    }
}

int explain(const std::string& name) {
    const std::vector<FlowDescription> flows = list_flows({});
    std::vector<std::string_view> names;
    names.reserve(flows.size());
    for (const FlowDescription& flow : flows) {
        names.emplace_back(flow.name);
        if (flow.name != name) continue;
        fmt::print("{}", flow.head);
        fmt::print("\nSteps for failpoints: {}", fmt::join(flow.steps, ", "));
        if (!flow.background_steps.empty()) {
            fmt::print("; in the background: {}", fmt::join(flow.background_steps, ", "));
        }
        fmt::print("\n");
        for (const FlowDescription::Option& option : flow.options) {
            fmt::print("Option {}={}: {}\n", option.name, option.default_value, option.about);
        }
        print_scenarios(flow);
        return 0;
    }
    throw UsageError(fmt::format("there is no flow '{}'; {}", name,
                                 meant_or(name, names, "'claimstorm flows' lists them")));
}

}  // namespace

void add_flows_command(CLI::App& app, CommandBody& chosen) {
    CLI::App* command = app.add_subcommand(
        "flows", "List the reference server's flows, explain one, verify what is found of each");
    command->require_subcommand(0, 1);
    command->callback([&chosen, command] {
        if (command->get_subcommands().empty()) chosen = list;
    });
    const auto name = std::make_shared<std::string>();
    CLI::App* explaining = command->add_subcommand(
        "explain", "How a flow works, what it guarantees, what breaks it, what is then found");
    explaining->add_option("name", *name, "The flow")->required();
    explaining->callback([name, &chosen] { chosen = [name] { return explain(*name); }; });
    add_flows_verify(*command, chosen);
}

}  // namespace claimstorm
