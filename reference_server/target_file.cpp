#include "reference_server/target_file.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "model/outcome.h"
#include "model/units.h"

namespace claimstorm::reference {
namespace {

using nlohmann::ordered_json;

/// What a status with an "outcome" means to the client.
ordered_json rule(int status, Outcome outcome) {
    const std::string name(to_string(outcome));
    return {{"status", status}, {"json", {{"/outcome", name}}}, {"is", name}};
}

ordered_json create_campaign(CampaignKind kind) {
    ordered_json body{
        {"id", "{campaign}"}, {"kind", "{kind}"}, {"stock", "{stock}"}, {"per_user", "{per_user}"}};
    if (kind == CampaignKind::envelope) body["budget_cents"] = "{budget_cents}";
    return {{"method", "POST"}, {"path", "/campaigns"}, {"body", body}};
}

/// The host of "http://host:port", an IPv6 one without its brackets.
std::string host_of(const std::string& base_url) {
    std::string host = base_url.substr(base_url.find("://") + 3);
    host = host.substr(0, host.rfind(':'));
    return host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

ordered_json with_url(std::string_view url, const ordered_json& rest) {
    ordered_json section{{"url", url}};
    section.update(rest);
    return section;
}

bool has_option(const FlowEntry& entry, std::string_view name) {
    return std::any_of(entry.options.begin(), entry.options.end(),
                       [&](const OptionSpec& option) { return option.name == name; });
}

}  // namespace

ordered_json make_target_file(const std::string& base_url, const FlowEntry& entry, const Flow& flow,
                              const FlowOptions& options, std::string_view mysql_url,
                              std::string_view redis_url) {
    const ordered_json evidence = flow.evidence();
    ordered_json target;
    target["base_url"] = base_url;
    target["hosts_allowed"] = ordered_json::array({host_of(base_url)});
    target["users"] = {{"template", "u{n}"}};
    target["claim"] = {{"method", "POST"},
                       {"path", "/campaigns/{campaign}/claims"},
                       {"body", {{"user", "{user}"}}}};
    target["outcomes"] = ordered_json::array(
        {rule(200, Outcome::granted), rule(409, Outcome::already_claimed),
         rule(410, Outcome::sold_out), rule(503, Outcome::throttled), rule(202, Outcome::pending),
         rule(400, Outcome::rejected), rule(404, Outcome::rejected)});
    target["fields"] = {
        {"claim_id", "/claim_id"}, {"ticket", "/ticket"}, {"amount_cents", "/amount_cents"}};
    if (evidence.contains("poll")) target["poll"] = evidence["poll"];
    target["prepare"] = ordered_json::array({{{"http", create_campaign(entry.kind)}}});
    target["warm_up"] = {{"method", "GET"}, {"path", "/healthz"}};
    target["mysql"] = with_url(mysql_url, evidence.at("mysql"));
    target["redis"] = with_url(redis_url, evidence.at("redis"));
    if (evidence.at("redis").contains("locks") && has_option(entry, "ttl")) {
        target["redis"]["lock_ttl"] = format_duration(options.duration("ttl"));
    }
    return target;
}

}  // namespace claimstorm::reference
