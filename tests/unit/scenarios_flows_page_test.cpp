// docs/flows.md lists what each bundled scenario finds. CLAIMSTORM_UPDATE_GOLDEN=1 rewrites it.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include "scenarios/catalog.h"
#include "scenarios/flow_list.h"
#include "scenarios/scenario_file.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

std::string row(const Scenario& scenario) {
    std::vector<std::string> found;
    for (const std::string& check : scenario.expect->violated) found.push_back("`" + check + "`");
    for (const std::string& check : scenario.expect->may) found.push_back("(`" + check + "`)");
    return fmt::format("| `{}` | {} | {} |\n", scenario.name, scenario.condition,
                       found.empty() ? "nothing" : fmt::format("{}", fmt::join(found, ", ")));
}

/// Flow by flow, the plain condition first.
std::string table() {
    std::string text = "\n| scenario | condition | found |\n| --- | --- | --- |\n";
    for (const auto& [flow, scenarios] : scenarios_by_flow()) {
        for (const Scenario& scenario : scenarios) text += row(scenario);
    }
    return text + "\n";
}

}  // namespace

TEST_CASE("docs/flows.md lists what every bundled scenario finds") {
    const std::filesystem::path page =
        std::filesystem::path(CLAIMSTORM_SOURCE_DIR) / "docs" / "flows.md";
    const std::string begin = "<!-- flows: begin -->\n";
    const std::string end = "<!-- flows: end -->\n";
    std::string text = slurp(page);
    const auto from = text.find(begin);
    const auto to = text.find(end);
    REQUIRE(from != std::string::npos);
    REQUIRE(to != std::string::npos);
    const std::string listed = text.substr(from + begin.size(), to - from - begin.size());
    if (std::getenv("CLAIMSTORM_UPDATE_GOLDEN") != nullptr && listed != table()) {
        text.replace(from + begin.size(), listed.size(), table());
        std::ofstream(page) << text;
        return;
    }
    INFO("CLAIMSTORM_UPDATE_GOLDEN=1 rewrites the page");
    CHECK(listed == table());
}

TEST_CASE("every bundled scenario is called like its flow, with a condition behind it") {
    for (const BundledScenario& bundled : bundled_scenarios()) {
        INFO(bundled.name);
        const Scenario scenario = load_scenario(std::string(bundled.name));
        CHECK(scenario.name == bundled.name);
        CHECK_FALSE(scenario.about.empty());
        CHECK_FALSE(scenario.condition.empty());
        CHECK(scenario.expect);
        std::string flow = std::get<ReferenceTarget>(scenario.target).flow;
        std::replace(flow.begin(), flow.end(), '/', '-');
        CHECK(scenario.name.starts_with(flow));
    }
}
