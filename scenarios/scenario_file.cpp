#include "scenarios/scenario_file.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "checkers/check.h"
#include "model/error.h"
#include "model/units.h"
#include "scenarios/catalog.h"
#include "scenarios/gates.h"
#include "scenarios/reference_file.h"
#include "scenarios/run_folder.h"
#include "scenarios/storm_file.h"
#include "scenarios/target_file.h"

namespace claimstorm {
namespace {

using std::chrono::milliseconds;

std::string read_name(const JsonPlace& place) {
    std::string name = place.non_empty_string();
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    });
    if (!plain || name.size() > 64 || name.starts_with('.')) {
        place.fail(
            "a name is made of letters, digits, '-', '_' and '.', at most 64; it names folders");
    }
    return name;
}

std::variant<ReferenceTarget, Target, NoTarget> read_target_member(const JsonPlace& place,
                                                                   const std::string& folder) {
    if (place.value().is_string()) {
        const std::filesystem::path path = place.non_empty_string();
        return load_target_file((path.is_absolute() ? path : folder / path).string());
    }
    if (const auto reference = place.find("reference")) {
        place.require_keys({"reference"});
        return read_reference_target(*reference);
    }
    return read_target(place, folder);
}

Campaign read_campaign(const JsonPlace& place, const std::string& scenario_name) {
    place.require_keys({"id", "kind", "stock", "per_user", "budget_cents", "min_cents",
                        "whole_budget", "gap_free_tickets", "ordered_tickets", "duplicates_first"});
    Campaign campaign;
    campaign.id = scenario_name;
    if (const auto id = place.find("id")) {
        campaign.id = id->value().is_number_integer() ? id->value().dump() : id->non_empty_string();
    }
    if (const auto kind = place.find("kind")) {
        const std::string name = kind->string();
        if (name != "coupon" && name != "envelope") {
            kind->fail(fmt::format("'{}' is not a kind of campaign; coupon or envelope", name));
        }
        campaign.kind = name == "coupon" ? CampaignKind::coupon : CampaignKind::envelope;
    }
    campaign.stock = place.at("stock").count(1);
    if (const auto per_user = place.find("per_user")) campaign.per_user = per_user->count(1);
    if (const auto budget = place.find("budget_cents")) campaign.budget_cents = budget->count(1);
    if (const auto min = place.find("min_cents")) campaign.min_cents = min->count(0);
    if (const auto whole = place.find("whole_budget")) {
        campaign.whole_budget = whole->boolean();
        if (campaign.whole_budget && !campaign.budget_cents) {
            whole->fail("there is no budget that could be spent: add budget_cents");
        }
    }
    if (const auto gap_free = place.find("gap_free_tickets")) {
        campaign.gap_free_tickets = gap_free->boolean();
    }
    if (const auto ordered = place.find("ordered_tickets")) {
        campaign.ordered_tickets = ordered->boolean();
    }
    if (const auto first = place.find("duplicates_first")) {
        campaign.duplicates_first = first->boolean();
    }
    return campaign;
}

SettleSpec read_settle(const JsonPlace& place) {
    place.require_keys({"quiet", "timeout"});
    SettleSpec settle;
    const auto read = [&](std::string_view key, milliseconds& value) {
        if (const auto found = place.find(key)) {
            value = std::chrono::duration_cast<milliseconds>(found->duration(milliseconds(1)));
        }
    };
    read("quiet", settle.quiet);
    read("timeout", settle.timeout);
    return settle;
}

/// What is wrong with a name that should be a check's, or a gate's; empty when nothing is.
std::string check_name_problem(const std::string& name, bool or_gate) {
    if (find_check(name) != nullptr) return {};
    std::vector<std::string_view> names;
    for (const Check& check : all_checks()) names.push_back(check.name);
    if (or_gate) {
        for (const std::string_view gate : gate_names()) names.push_back(gate);
        if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    }
    return fmt::format("there is no check '{}'; {}", name,
                       meant_or(name, names, fmt::format("there are: {}", fmt::join(names, ", "))));
}

std::vector<std::string> read_check_names(const JsonPlace& list, bool or_gates = false) {
    std::vector<std::string> names;
    for (const JsonPlace& name : list.items()) {
        const std::string problem = check_name_problem(name.string(), or_gates);
        if (!problem.empty()) name.fail(problem);
        names.push_back(name.string());
    }
    return names;
}

std::vector<std::string> read_checks(const JsonPlace& place) {
    if (place.value().is_string()) {
        if (place.string() != "all") {
            place.fail("\"all\", \"none\" or a list of names is wanted here");
        }
        return {};
    }
    std::vector<std::string> names = read_check_names(place);
    if (names.empty()) place.fail("an empty list checks nothing; write \"all\" or name some");
    return names;
}

std::vector<GateSpec> read_gates(const JsonPlace& place) {
    std::vector<GateSpec> gates;
    for (const auto& [name, limit] : place.members()) {
        const GateSpec gate{name, limit.string()};
        if (const std::string problem = gate_problem(gate); !problem.empty()) limit.fail(problem);
        gates.push_back(gate);
    }
    return gates;
}

Expectation read_expectation(const JsonPlace& place) {
    place.require_keys({"violated", "may"});
    Expectation expectation;
    expectation.violated = read_check_names(place.at("violated"), true);
    if (const auto may = place.find("may")) expectation.may = read_check_names(*may, true);
    return expectation;
}

}  // namespace

Scenario read_scenario(const JsonPlace& place, const std::string& folder) {
    place.require_keys({"name", "about", "condition", "target", "campaign", "storm", "seed",
                        "settle", "checks", "require", "gates", "expect"});
    Scenario scenario;
    scenario.name = read_name(place.at("name"));
    if (const auto about = place.find("about")) scenario.about = about->string();
    if (const auto condition = place.find("condition")) scenario.condition = condition->string();
    if (const auto target = place.find("target")) {
        scenario.target = read_target_member(*target, folder);
    } else {
        scenario.target = NoTarget{};
    }
    scenario.campaign = read_campaign(place.at("campaign"), scenario.name);
    const auto storm = place.find("storm");
    scenario.has_storm = storm.has_value();
    if (storm) scenario.storm = read_storm(*storm, folder);
    if (const auto seed = place.find("seed")) {
        if (!seed->value().is_number_unsigned()) seed->fail("a seed is a whole number from 0");
        scenario.seed = seed->value().get<std::uint64_t>();
    }
    if (const auto settle = place.find("settle")) scenario.settle = read_settle(*settle);
    if (const auto checks = place.find("checks")) {
        scenario.no_checks = checks->value() == "none";
        if (!scenario.no_checks) scenario.checks = read_checks(*checks);
    }
    if (const auto require = place.find("require")) scenario.require = read_check_names(*require);
    if (const auto gates = place.find("gates")) scenario.gates = read_gates(*gates);
    if (const auto expect = place.find("expect")) scenario.expect = read_expectation(*expect);
    return scenario;
}

Scenario load_scenario_file(const std::string& path) {
    const nlohmann::json document =
        parse_json_text(read_text_file(path, "the scenario file"), path);
    return read_scenario(JsonPlace(document, path),
                         std::filesystem::path(path).parent_path().string());
}

Scenario load_scenario(const std::string& path_or_name) {
    std::error_code error;
    if (std::filesystem::exists(path_or_name, error)) return load_scenario_file(path_or_name);
    if (const BundledScenario* bundled = find_bundled_scenario(path_or_name)) {
        const std::string file = fmt::format("bundled scenario {}", bundled->name);
        const nlohmann::json document = parse_json_text(bundled->text, file);
        return read_scenario(JsonPlace(document, file), ".");
    }
    std::vector<std::string_view> names;
    for (const BundledScenario& bundled : bundled_scenarios()) names.push_back(bundled.name);
    throw UsageError(fmt::format(
        "there is no scenario file '{}', and no bundled scenario of that name; {}", path_or_name,
        meant_or(path_or_name, names, "'claimstorm scenarios' lists the bundled ones")));
}

nlohmann::ordered_json scenario_to_json(const Scenario& scenario, std::uint64_t seed) {
    nlohmann::ordered_json json = {{"name", scenario.name}, {"about", scenario.about}};
    if (!scenario.condition.empty()) json["condition"] = scenario.condition;
    if (const auto* reference = std::get_if<ReferenceTarget>(&scenario.target)) {
        json["target"]["reference"] = reference_target_to_json(*reference);
    } else if (const auto* target = std::get_if<Target>(&scenario.target)) {
        json["target"] = target_to_json(*target);
    }
    const Campaign& campaign = scenario.campaign;
    json["campaign"] = {{"id", campaign.id},
                        {"kind", campaign.kind == CampaignKind::coupon ? "coupon" : "envelope"},
                        {"stock", campaign.stock},
                        {"per_user", campaign.per_user}};
    if (campaign.budget_cents) json["campaign"]["budget_cents"] = *campaign.budget_cents;
    json["campaign"]["min_cents"] = campaign.min_cents;
    json["campaign"]["whole_budget"] = campaign.whole_budget;
    json["campaign"]["gap_free_tickets"] = campaign.gap_free_tickets;
    json["campaign"]["ordered_tickets"] = campaign.ordered_tickets;
    json["campaign"]["duplicates_first"] = campaign.duplicates_first;
    if (scenario.has_storm) json["storm"] = storm_to_json(scenario.storm);
    json["seed"] = seed;
    json["settle"] = {{"quiet", format_duration(scenario.settle.quiet)},
                      {"timeout", format_duration(scenario.settle.timeout)}};
    if (scenario.checks.empty()) {
        json["checks"] = scenario.no_checks ? "none" : "all";
    } else {
        json["checks"] = scenario.checks;
    }
    if (!scenario.require.empty()) json["require"] = scenario.require;
    json["gates"] = nlohmann::ordered_json::object();
    for (const GateSpec& gate : scenario.gates) json["gates"][gate.name] = gate.limit;
    if (scenario.expect) {
        json["expect"]["violated"] = scenario.expect->violated;
        if (!scenario.expect->may.empty()) json["expect"]["may"] = scenario.expect->may;
    }
    return json;
}

void require_storm(const Scenario& scenario) {
    const char* missing = nullptr;
    if (std::holds_alternative<NoTarget>(scenario.target)) {
        missing = "names no target to fire at";
    } else if (!scenario.has_storm) {
        missing = "names no storm to fire";
    } else if (const auto* target = std::get_if<Target>(&scenario.target);
               target != nullptr && target->stores_only) {
        missing = "has a target with stores and no service: add base_url, claim and outcomes";
    }
    if (missing == nullptr) return;
    throw UsageError(fmt::format(
        "scenario {} {}; 'claimstorm audit' reads stores, 'claimstorm history import' takes a log",
        scenario.name, missing));
}

void require_check_names(const std::vector<std::string>& names, std::string_view where) {
    for (const std::string& name : names) {
        const std::string problem = check_name_problem(name, false);
        if (!problem.empty()) throw UsageError(fmt::format("{}: {}", where, problem));
    }
}

void write_scenario(const std::filesystem::path& folder, const Scenario& scenario,
                    std::uint64_t seed) {
    write_text_file(folder / "scenario.json",
                    scenario_to_json(scenario, seed)
                            .dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) +
                        "\n");
}

}  // namespace claimstorm
