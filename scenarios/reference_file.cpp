#include "scenarios/reference_file.h"

#include <fmt/format.h>

namespace claimstorm {

ReferenceTarget read_reference_target(const JsonPlace& place) {
    place.require_keys({"flow", "options", "failpoints", "workers", "restarts", "finish"});
    constexpr std::int64_t kWorkersMax = 1024;
    constexpr std::int64_t kRestartsMax = 1000;
    ReferenceTarget reference;
    reference.flow = place.at("flow").non_empty_string();
    if (const auto options = place.find("options")) {
        for (const auto& [key, value] : options->members()) {
            reference.options[key] =
                value.value().is_string() ? value.string() : value.value().dump();
        }
    }
    if (const auto failpoints = place.find("failpoints")) {
        reference.failpoints = failpoints->strings();
    }
    if (const auto workers = place.find("workers")) {
        reference.workers = static_cast<std::uint32_t>(workers->count(1, kWorkersMax));
    }
    if (const auto restarts = place.find("restarts")) {
        reference.restarts = static_cast<std::uint32_t>(restarts->count(0, kRestartsMax));
    }
    if (const auto finish = place.find("finish")) {
        for (const JsonPlace& step : finish->items()) {
            const std::string name = step.string();
            if (name != "reconcile" && name != "close") {
                step.fail(fmt::format("'{}' is not asked of a server; reconcile or close", name));
            }
            reference.finish.push_back(name);
        }
    }
    return reference;
}

nlohmann::ordered_json reference_target_to_json(const ReferenceTarget& reference) {
    nlohmann::ordered_json json = {{"flow", reference.flow}};
    if (!reference.options.empty()) json["options"] = reference.options;
    if (!reference.failpoints.empty()) json["failpoints"] = reference.failpoints;
    if (reference.workers != 0) json["workers"] = reference.workers;
    if (reference.restarts != 0) json["restarts"] = reference.restarts;
    if (!reference.finish.empty()) json["finish"] = reference.finish;
    return json;
}

}  // namespace claimstorm
