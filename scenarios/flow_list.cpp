#include "scenarios/flow_list.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "lab/child_process.h"
#include "model/error.h"
#include "scenarios/catalog.h"
#include "scenarios/json_place.h"
#include "scenarios/reference_target.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

constexpr auto kAnswerMax = std::chrono::seconds(10);

FlowDescription read_flow(const JsonPlace& place) {
    FlowDescription flow;
    flow.name = place.at("name").string();
    flow.kind = place.at("kind").string();
    flow.sound = place.at("sound").boolean();
    flow.about = place.at("about").string();
    flow.head = place.at("head").string();
    for (const JsonPlace& option : place.at("options").items()) {
        flow.options.push_back({option.at("name").string(), option.at("default").string(),
                                option.at("about").string()});
    }
    flow.steps = place.at("steps").strings();
    flow.background_steps = place.at("background_steps").strings();
    return flow;
}

}  // namespace

std::vector<FlowDescription> list_flows(const std::filesystem::path& server_program) {
    ChildOptions child;
    const std::filesystem::path program =
        server_program.empty() ? default_server_program() : server_program;
    child.argv = {program.string(), "--list-flows", "--json"};
    child.out = ToPipe{};
    ChildProcess server(child);
    const auto line = server.read_line(kAnswerMax);
    if (!line) throw EnvironmentError(fmt::format("{} did not list its flows", program.string()));
    const std::string file = "claimstorm-server's list of flows";
    const nlohmann::json document = parse_json_text(*line, file);
    std::vector<FlowDescription> flows;
    for (const JsonPlace& flow : JsonPlace(document, file).items())
        flows.push_back(read_flow(flow));
    return flows;
}

std::map<std::string, std::vector<Scenario>> scenarios_by_flow() {
    std::map<std::string, std::vector<Scenario>> flows;
    for (const BundledScenario& bundled : bundled_scenarios()) {
        Scenario scenario = load_scenario(std::string(bundled.name));
        if (const auto* reference = std::get_if<ReferenceTarget>(&scenario.target)) {
            flows[reference->flow].push_back(std::move(scenario));
        }
    }
    for (auto& [flow, scenarios] : flows) {
        std::string plain = flow;
        std::replace(plain.begin(), plain.end(), '/', '-');
        std::stable_partition(scenarios.begin(), scenarios.end(),
                              [&](const Scenario& scenario) { return scenario.name == plain; });
    }
    return flows;
}

}  // namespace claimstorm
