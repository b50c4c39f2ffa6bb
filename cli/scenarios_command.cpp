#include <algorithm>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/command.h"
#include "model/error.h"
#include "scenarios/catalog.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

int list_or_show(const std::string& name) {
    if (!name.empty()) {
        load_scenario(name);  // the 'did you mean' for a name that is none
        if (const BundledScenario* scenario = find_bundled_scenario(name)) {
            fmt::print("{}", scenario->text);
            return 0;
        }
        throw UsageError(fmt::format("'{}' is not a bundled scenario", name));
    }
    std::size_t width = 0;
    for (const BundledScenario& bundled : bundled_scenarios()) {
        width = std::max(width, bundled.name.size());
    }
    for (const BundledScenario& bundled : bundled_scenarios()) {
        fmt::print("{:<{}}  {}\n", bundled.name, width,
                   load_scenario(std::string(bundled.name)).about);
    }
    return 0;
}

}  // namespace

void add_scenarios_command(CLI::App& app, CommandBody& chosen) {
    const auto name = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("scenarios", "List the bundled scenarios, or print one");
    command->add_option("name", *name, "The one to print: a file to start from");
    command->callback([name, &chosen] { chosen = [name] { return list_or_show(*name); }; });
}

}  // namespace claimstorm
