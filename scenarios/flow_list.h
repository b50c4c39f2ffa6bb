#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "scenarios/scenario.h"

namespace claimstorm {

/// A flow as claimstorm-server describes it.
struct FlowDescription {
    struct Option {
        std::string name;
        std::string default_value;
        std::string about;
    };

    std::string name;  ///< "coupon/global-lock"
    std::string kind;  ///< coupon or envelope
    bool sound = false;
    std::string about;  ///< one sentence
    std::string head;   ///< steps, guarantees, what breaks it: the head of its source file
    std::vector<Option> options;
    std::vector<std::string> steps;
    std::vector<std::string> background_steps;
};

/// Asks claimstorm-server (empty: the one beside this program) for its flows. Throws
/// EnvironmentError when it cannot be asked.
std::vector<FlowDescription> list_flows(const std::filesystem::path& server_program);

/// The bundled scenarios that run each flow, the plain condition first: it is called like the flow
/// with '-' for '/'.
std::map<std::string, std::vector<Scenario>> scenarios_by_flow();

}  // namespace claimstorm
