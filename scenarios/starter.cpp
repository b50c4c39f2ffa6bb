#include "scenarios/starter.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "storm/address.h"

namespace claimstorm {

// scenarios/starter/*.json, compiled in.
extern const std::string_view kStarterTarget;    // NOLINT(readability-identifier-naming)
extern const std::string_view kStarterScenario;  // NOLINT(readability-identifier-naming)

namespace {

std::string json_text(std::string_view text) {
    return nlohmann::json(text).dump();
}

/// Precondition: `from` is in the text; the tests see to that.
void replace(std::string& text, std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
}

/// Every line but the first moved to the right.
std::string indented(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out.push_back(c);
        if (c == '\n') out += "  ";
    }
    return out;
}

}  // namespace

std::string starter_target(std::string_view base_url) {
    const HttpAddress address = parse_base_url(base_url);
    std::string text(kStarterTarget);
    replace(text, R"("base_url": "http://127.0.0.1:3000")",
            fmt::format(R"("base_url": {})", json_text(base_url)));
    replace(text, R"("hosts_allowed": ["127.0.0.1"])",
            fmt::format(R"("hosts_allowed": [{}])", json_text(address.host)));
    return text;
}

std::string starter_scenario(std::string_view name, std::string_view target_file) {
    std::string text(kStarterScenario);
    replace(text, R"("name": "starter")", fmt::format(R"("name": {})", json_text(name)));
    replace(text, R"("target": "target.json")",
            fmt::format(R"("target": {})", json_text(target_file)));
    return text;
}

std::string starter_document(std::string_view name, std::string_view base_url) {
    std::string text = starter_scenario(name, "");
    const std::string target = starter_target(base_url);
    const std::size_t object = target.find("\n{\n") + 1;
    std::string body = target.substr(object);
    while (body.ends_with('\n')) body.pop_back();
    replace(text, R"("target": "")", fmt::format(R"("target": {})", indented(body)));
    return text;
}

}  // namespace claimstorm
