#include <algorithm>
#include <array>
#include <cctype>
#include <regex>

#include "model/units.h"
#include "scenarios/target_file.h"
#include "scenarios/transport_file.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

/// Whether the value's secrets are placeholders, filled in from the users' file: nothing is written
/// out but an authentication scheme ("Bearer {token}") and names ("session={session}; id={id}").
bool has_secrets_elsewhere(const std::string& value) {
    static const std::regex shape(
        R"(([A-Za-z]+ )?([A-Za-z0-9_.-]+=)?\{[a-z_][a-z0-9_]*\}(; ?([A-Za-z0-9_.-]+=)?\{[a-z_][a-z0-9_]*\})*)");
    return std::regex_match(value, shape);
}

/// Headers that carry a secret by their nature, or by their name.
bool is_secret_header(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    constexpr std::array kParts = {"authorization", "cookie", "token",   "secret",
                                   "api-key",       "apikey", "password"};
    return std::any_of(kParts.begin(), kParts.end(),
                       [&](const char* part) { return name.find(part) != std::string::npos; });
}

ordered_json request_to_json(const RequestSpec& request) {
    ordered_json json = {{"method", request.method}, {"path", request.path}};
    for (const auto& [name, value] : request.headers) {
        const bool is_hidden = is_secret_header(name) && !has_secrets_elsewhere(value);
        json["headers"][name] = is_hidden ? "***" : value;
    }
    if (request.json_body) {
        json["body"] = ordered_json::parse(request.body);
    } else if (!request.body.empty()) {
        json["body"] = request.body;
    }
    return json;
}

ordered_json poll_to_json(const PollSpec& poll) {
    ordered_json json = request_to_json(poll.request);
    json["every"] = format_duration(poll.every);
    json["until"] = format_duration(poll.until);
    return json;
}

ordered_json status_to_json(const StatusSet::Range& range) {
    if (range.first == range.last) return range.first;
    return std::to_string(range.first / 100) + "xx";
}

ordered_json statuses_to_json(const StatusSet& statuses) {
    if (statuses.ranges.size() == 1) return status_to_json(statuses.ranges.front());
    ordered_json list = ordered_json::array();
    for (const StatusSet::Range& range : statuses.ranges) list.push_back(status_to_json(range));
    return list;
}

ordered_json outcomes_to_json(const std::vector<OutcomeRule>& rules) {
    ordered_json list = ordered_json::array();
    for (const OutcomeRule& rule : rules) {
        ordered_json json;
        if (!rule.status.empty()) json["status"] = statuses_to_json(rule.status);
        for (const auto& [pointer, value] : rule.json) {
            json["json"][pointer] = ordered_json::parse(value);
        }
        if (rule.body_regex) json["body_regex"] = *rule.body_regex;
        json["is"] = to_string(rule.is);
        list.push_back(std::move(json));
    }
    return list;
}

ordered_json field_to_json(const FieldSource& source) {
    if (!source.pointer.empty()) return source.pointer;
    ordered_json json;
    if (!source.header.empty()) json["header"] = source.header;
    if (!source.regex.empty()) json["regex"] = source.regex;
    return json;
}

void add_fields(ordered_json& json, const ResponseFields& fields) {
    const auto add = [&json](const char* key, const FieldSource& source) {
        if (!source.empty()) json["fields"][key] = field_to_json(source);
    };
    add("claim_id", fields.claim_id);
    add("ticket", fields.ticket);
    add("amount_cents", fields.amount_cents);
    add("amount", fields.amount);
    add("poll_id", fields.poll_id);
}

struct StepToJson {
    ordered_json operator()(const HttpStep& step) const {
        return {{"http", request_to_json(step.request)}};
    }
    ordered_json operator()(const SqlStep& step) const { return {{"sql", step.sql}}; }
    ordered_json operator()(const RedisStep& step) const { return {{"redis", step.command}}; }
};

/// One as it is, several as a list of them.
template <typename Item, typename ToJson>
ordered_json one_or_list(const std::vector<Item>& items, ToJson&& to_json) {
    if (items.size() == 1) return to_json(items.front());
    ordered_json list = ordered_json::array();
    for (const Item& item : items) list.push_back(to_json(item));
    return list;
}

ordered_json query_to_json(const SqlQuery& query) {
    if (!query.at) return query.sql;
    return {{"url", to_string(*query.at)}, {"sql", query.sql}};
}

ordered_json counter_to_json(const RedisCounter& counter) {
    if (!counter.at) return counter.command;
    ordered_json json;
    json["url"] = to_string(*counter.at);
    json["command"] = counter.command;
    return json;
}

ordered_json users_to_json(const RedisUsers& users) {
    constexpr std::array kKinds = {"set", "hash", "zset", "bitmap", "keys"};
    ordered_json json;
    json[kKinds.at(static_cast<std::size_t>(users.kind))] = users.key;
    if (users.kind == RedisUsersKind::bitmap) {
        json["user"] = users.user;
        json["first"] = users.first;
    }
    if (users.at) json["url"] = to_string(*users.at);
    return json;
}

ordered_json mysql_to_json(const MysqlEvidenceSpec& mysql) {
    ordered_json json;
    if (mysql.address) json["url"] = to_string(*mysql.address);
    const auto add = [&json](const char* key, const std::vector<SqlQuery>& queries) {
        if (!queries.empty()) json[key] = one_or_list(queries, query_to_json);
    };
    add("claims", mysql.claims);
    add("stock", mysql.stock);
    add("payouts", mysql.payouts);
    return json;
}

ordered_json redis_to_json(const RedisEvidenceSpec& redis) {
    ordered_json json;
    if (redis.address) json["url"] = to_string(*redis.address);
    if (!redis.remaining.empty()) json["remaining"] = one_or_list(redis.remaining, counter_to_json);
    if (!redis.users.empty()) json["users"] = one_or_list(redis.users, users_to_json);
    for (const RedisLocks& locks : redis.locks) {
        if (locks.at) {
            json["locks"].push_back({{"url", to_string(*locks.at)}, {"pattern", locks.pattern}});
        } else {
            json["locks"].push_back(locks.pattern);
        }
    }
    if (redis.lock_ttl) json["lock_ttl"] = format_duration(*redis.lock_ttl);
    if (!redis.backlog.empty()) json["backlog"] = one_or_list(redis.backlog, counter_to_json);
    return json;
}

void add_service(ordered_json& json, const Target& target) {
    const EndpointSpec& endpoint = target.endpoint;
    json["base_url"] = endpoint.base_url;
    if (!target.hosts_allowed.empty()) json["hosts_allowed"] = target.hosts_allowed;
    add_transport(json, endpoint.transport);
    if (const auto& csv = endpoint.csv_users) {
        // With its columns, so that a run is judged without the file.
        json["users"] = {{"csv", csv->path}, {"name", csv->name}, {"columns", csv->columns}};
    } else {
        json["users"]["template"] = endpoint.user_template;
    }
    json["claim"] = request_to_json(endpoint.claim);
    if (endpoint.warm_up) json["warm_up"] = request_to_json(*endpoint.warm_up);
    json["outcomes"] = outcomes_to_json(endpoint.outcomes);
    add_fields(json, endpoint.fields);
    if (endpoint.poll) json["poll"] = poll_to_json(*endpoint.poll);
}

}  // namespace

ordered_json target_to_json(const Target& target) {
    ordered_json json = ordered_json::object();
    if (!target.stores_only) add_service(json, target);
    for (const PrepareStep& step : target.prepare) {
        json["prepare"].push_back(std::visit(StepToJson{}, step));
    }
    for (const PrepareStep& step : target.finish) {
        json["finish"].push_back(std::visit(StepToJson{}, step));
    }
    if (target.evidence.mysql) json["mysql"] = mysql_to_json(*target.evidence.mysql);
    if (target.evidence.redis) json["redis"] = redis_to_json(*target.evidence.redis);
    return json;
}

}  // namespace claimstorm
