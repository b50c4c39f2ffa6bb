#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "checkers/check.h"
#include "cli/command.h"
#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

int list() {
    std::size_t width = 0;
    for (const Check& check : all_checks()) width = std::max(width, check.name.size());
    for (const Check& check : all_checks()) {
        fmt::print("{:<{}}  {}\n", check.name, width, check.property);
    }
    return 0;
}

int explain(const std::string& name) {
    if (const Check* check = find_check(name)) {
        fmt::print("{}: {}\n\n{}\n", check->name, check->property, check->meaning);
        return 0;
    }
    std::vector<std::string_view> names;
    for (const Check& check : all_checks()) names.push_back(check.name);
    throw UsageError(
        fmt::format("there is no check '{}'; {}", name,
                    meant_or(name, names, fmt::format("there are: {}", fmt::join(names, ", ")))));
}

}  // namespace

void add_checks_command(CLI::App& app, CommandBody& chosen) {
    CLI::App* command = app.add_subcommand("checks", "List the checks, or explain one");
    command->require_subcommand(0, 1);
    command->callback([&chosen, command] {
        if (command->get_subcommands().empty()) chosen = list;
    });
    const auto name = std::make_shared<std::string>();
    CLI::App* explaining =
        command->add_subcommand("explain", "What a violation means, and what to look at next");
    explaining->add_option("name", *name, "The check")->required();
    explaining->callback([name, &chosen] { chosen = [name] { return explain(*name); }; });
}

}  // namespace claimstorm
