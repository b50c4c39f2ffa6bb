#include "scenarios/target_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "model/text_template.h"
#include "scenarios/target_parts.h"
#include "scenarios/transport_file.h"
#include "storm/address.h"
#include "storm/csv_users.h"
#include "storm/polling.h"
#include "storm/request_template.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

std::string read_method(const JsonPlace& request, std::string_view fallback) {
    constexpr std::array kMethods = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"};
    const auto place = request.find("method");
    if (!place) return std::string(fallback);
    std::string method = place->string();
    if (std::find(kMethods.begin(), kMethods.end(), method) == kMethods.end()) {
        place->fail(
            fmt::format("'{}' is not a method; one of {}", method, fmt::join(kMethods, ", ")));
    }
    return method;
}

void require_one_line(const JsonPlace& place, const std::string& text) {
    if (std::any_of(text.begin(), text.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
        })) {
        place.fail("line breaks and control characters cannot stand here");
    }
}

/// The request in an object that holds other keys too, which the caller looks after.
RequestSpec read_request_in(const JsonPlace& place, std::string_view default_method,
                            const std::vector<std::string_view>& placeholders) {
    RequestSpec request;
    request.method = read_method(place, default_method);
    const JsonPlace path = place.at("path");
    request.path = path.string();
    require_one_line(path, request.path);
    if (!request.path.starts_with('/')) path.fail("a path starts with '/'");
    if (request.path.find(' ') != std::string::npos) path.fail("a space is written %20 in a path");
    placed(path, [&] { TextTemplate(request.path, placeholders, "placeholder"); });
    if (const auto headers = place.find("headers")) {
        for (const auto& member : headers->members()) {
            const std::string& name = member.first;
            const JsonPlace& value = member.second;
            require_one_line(value, value.string());
            if (!is_header_name(name)) {
                value.fail(fmt::format("'{}' is not a header name", name));
            }
            placed(value, [&] { TextTemplate(value.string(), placeholders, "placeholder"); });
            request.headers.emplace_back(name, value.string());
        }
    }
    if (const auto body = place.find("body")) {
        request.json_body = !body->value().is_string();
        request.body = request.json_body ? body->value().dump() : body->string();
        placed(*body, [&] { TextTemplate(request.body, placeholders, "placeholder"); });
    }
    return request;
}

RequestSpec read_request(const JsonPlace& place, std::string_view default_method,
                         const std::vector<std::string_view>& placeholders) {
    place.require_keys({"method", "path", "headers", "body"});
    return read_request_in(place, default_method, placeholders);
}

PollSpec read_poll(const JsonPlace& place, const std::vector<std::string_view>& placeholders) {
    place.require_keys({"method", "path", "headers", "body", "every", "until"});
    PollSpec poll;
    poll.request = read_request_in(place, "GET", placeholders);
    if (const auto every = place.find("every")) {
        poll.every = every->duration(std::chrono::milliseconds(1));
    }
    if (const auto until = place.find("until")) {
        poll.until = until->duration(std::chrono::milliseconds(1));
    }
    return poll;
}

CsvUsers read_csv_users(const JsonPlace& place, const std::string& folder) {
    CsvUsers users;
    const JsonPlace csv = place.at("csv");
    const std::filesystem::path path = csv.non_empty_string();
    // Absolute, so that a run folder's scenario can be fired again from anywhere.
    users.path = std::filesystem::absolute(folder / path).lexically_normal().string();
    if (const auto name = place.find("name")) users.name = name->non_empty_string();
    if (const auto columns = place.find("columns")) {
        users.columns = columns->strings();
    } else {
        users.columns = placed(csv, [&] { return read_csv_columns(users.path); });
    }
    placed(csv, [&] { require_name_column(users); });
    return users;
}

void read_users(const JsonPlace& place, const std::string& folder, EndpointSpec& endpoint) {
    place.require_keys({"template", "csv", "name", "columns"});
    const auto text = place.find("template");
    if (!text && !place.find("csv")) place.fail("one of template and csv is wanted");
    if (!text) {
        endpoint.csv_users = read_csv_users(place, folder);
        return;
    }
    if (place.value().size() != 1) place.fail("beside a template nothing else is wanted");
    placed(*text, [&] { TextTemplate(text->string(), {"n"}, "placeholder"); });
    if (text->string().find("{n}") == std::string::npos) {
        text->fail("without {n} all users would be one; write e.g. \"u{n}\"");
    }
    endpoint.user_template = text->string();
}

PrepareStep read_prepare_step(const JsonPlace& place) {
    place.require_keys({"http", "sql", "redis"});
    if (place.value().size() != 1) place.fail("a step is one of http, sql and redis");
    if (const auto http = place.find("http")) {
        return HttpStep{read_request(*http, "POST", campaign_placeholders())};
    }
    if (const auto sql = place.find("sql")) {
        require_bindable(*sql, sql->non_empty_string(), campaign_placeholders());
        return SqlStep{sql->string()};
    }
    return RedisStep{read_command(place.at("redis"), campaign_placeholders())};
}

void require_stores(const JsonPlace& place, const char* key, const std::vector<PrepareStep>& steps,
                    const EvidenceSpec& evidence) {
    for (const PrepareStep& step : steps) {
        if (std::holds_alternative<SqlStep>(step) &&
            (!evidence.mysql || !evidence.mysql->address)) {
            place.at(key).fail("an sql step needs mysql.url");
        }
        if (std::holds_alternative<RedisStep>(step) &&
            (!evidence.redis || !evidence.redis->address)) {
            place.at(key).fail("a redis step needs redis.url");
        }
    }
}

/// A target that says nothing of a service and names a store is there to be audited.
bool names_stores_alone(const JsonPlace& place) {
    constexpr std::array kOfService = {"base_url", "claim", "outcomes"};
    return (place.find("mysql") || place.find("redis")) &&
           std::none_of(kOfService.begin(), kOfService.end(),
                        [&](const char* key) { return place.find(key).has_value(); });
}

/// How the service is reached and understood.
void read_service(const JsonPlace& place, const std::string& folder, Target& target) {
    const JsonPlace base_url = place.at("base_url");
    target.endpoint.base_url = base_url.string();
    if (const auto hosts = place.find("hosts_allowed")) target.hosts_allowed = hosts->strings();
    read_transport(place, folder, target.endpoint);
    placed(base_url, [&] {
        require_allowed_host(parse_base_url(target.endpoint.base_url), target.hosts_allowed,
                             !target.endpoint.transport.unix_socket.empty());
    });
    const std::vector<std::string_view> columns = user_columns(target.endpoint);
    const std::vector<std::string_view> placeholders = claim_placeholders(columns);
    target.endpoint.claim = read_request(place.at("claim"), "POST", placeholders);
    if (const auto warm_up = place.find("warm_up")) {
        target.endpoint.warm_up = read_request(*warm_up, "GET", placeholders);
    }
    target.endpoint.outcomes = read_outcomes(place.at("outcomes"));
    if (const auto fields = place.find("fields")) target.endpoint.fields = read_fields(*fields);
    if (const auto poll = place.find("poll")) {
        target.endpoint.poll = read_poll(*poll, poll_placeholders(columns));
    }
    const std::string problem = poll_problem(target.endpoint);
    if (!problem.empty()) place.find("poll").value_or(place).fail(problem);
}

}  // namespace

bool is_header_name(std::string_view name) {
    constexpr std::string_view kNoToken = "()<>@,;:\\\"/[]?={} \t";
    return !name.empty() && name.find_first_of(kNoToken) == std::string_view::npos &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

const std::vector<std::string_view>& campaign_placeholders() {
    static const std::vector<std::string_view> names = {"campaign", "stock", "per_user", "kind",
                                                        "budget_cents"};
    return names;
}

std::vector<std::string> campaign_values(const Campaign& campaign) {
    return {campaign.id, std::to_string(campaign.stock), std::to_string(campaign.per_user),
            campaign.kind == CampaignKind::coupon ? "coupon" : "envelope",
            std::to_string(campaign.budget_cents.value_or(0))};
}

Target read_target(const JsonPlace& place, const std::string& folder) {
    std::vector<std::string_view> keys = {"base_url", "hosts_allowed", "users", "claim",
                                          "outcomes", "fields",        "poll",  "warm_up",
                                          "prepare",  "finish",        "mysql", "redis"};
    keys.insert(keys.end(), transport_keys().begin(), transport_keys().end());
    place.require_keys(keys);
    Target target;
    if (const auto users = place.find("users")) read_users(*users, folder, target.endpoint);
    if (const auto mysql = place.find("mysql")) target.evidence.mysql = read_mysql(*mysql);
    if (const auto redis = place.find("redis")) {
        target.evidence.redis = read_redis(
            *redis, target.endpoint.csv_users ? std::string() : target.endpoint.user_template);
    }
    target.stores_only = names_stores_alone(place);
    if (!target.stores_only) read_service(place, folder, target);
    const auto read_steps = [&place](const char* key, std::vector<PrepareStep>& steps) {
        const auto list = place.find(key);
        if (!list) return;
        for (const JsonPlace& step : list->items()) steps.push_back(read_prepare_step(step));
    };
    read_steps("prepare", target.prepare);
    read_steps("finish", target.finish);
    require_stores(place, "prepare", target.prepare, target.evidence);
    require_stores(place, "finish", target.finish, target.evidence);
    return target;
}

Target load_target_file(const std::string& path) {
    const nlohmann::json document = parse_json_text(read_text_file(path, "the target file"), path);
    return read_target(JsonPlace(document, path),
                       std::filesystem::path(path).parent_path().string());
}

}  // namespace claimstorm
