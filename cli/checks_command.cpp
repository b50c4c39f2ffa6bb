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
#include "reports/text_layout.h"

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

/// What it claims, what a violation means and names, what it is judged by, and what comes next.
std::string explained(const Check& check) {
    const Explanation& explanation = check.explanation();
    std::string text = fmt::format("{}: {}\n\n", check.name, check.property);
    text += paragraph("property  ", explanation.property);
    text += paragraph("violated  ", explanation.violated);
    text += paragraph("owed      ", explanation.owed);
    text += "\nwhat is seen, and what it names\n";
    for (const Sign& sign : explanation.signs) {
        text += paragraph("  * ", sign.seen);
        text += paragraph("      ", sign.names);
    }
    text += "\nwhat the target or the campaign must name\n";
    std::size_t width = 0;
    for (const NamedEvidence& named : explanation.evidence) {
        width = std::max(width, named.key.size());
    }
    for (const NamedEvidence& named : explanation.evidence) {
        text += paragraph(fmt::format("  {:<{}}  ", named.key, width), named.use);
    }
    return text + "\n" + paragraph("next      ", explanation.next);
}

int explain(const std::string& name) {
    if (const Check* check = find_check(name)) {
        fmt::print("{}", explained(*check));
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
