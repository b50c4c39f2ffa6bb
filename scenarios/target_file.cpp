#include "scenarios/target_file.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"
#include "storm/address.h"
#include "storm/outcome_rules.h"
#include "storm/polling.h"
#include "storm/request_template.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

/// A call that may throw UsageError without knowing where its text stands.
template <typename Call>
auto placed(const JsonPlace& place, Call&& call) {
    try {
        return call();
    } catch (const UsageError& error) {
        place.fail(error.what());
    }
}

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
            constexpr std::string_view kNoToken = "()<>@,;:\\\"/[]?={} \t";
            if (name.empty() || name.find_first_of(kNoToken) != std::string::npos) {
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

PollSpec read_poll(const JsonPlace& place) {
    place.require_keys({"method", "path", "headers", "body", "every", "until"});
    PollSpec poll;
    poll.request = read_request_in(place, "GET", poll_placeholders());
    if (const auto every = place.find("every")) {
        poll.every = every->duration(std::chrono::milliseconds(1));
    }
    if (const auto until = place.find("until")) {
        poll.until = until->duration(std::chrono::milliseconds(1));
    }
    return poll;
}

Outcome read_outcome(const JsonPlace& place) {
    const std::string name = place.string();
    if (const auto outcome = outcome_from(name); outcome && *outcome != Outcome::not_sent) {
        return *outcome;
    }
    std::vector<std::string_view> names;
    for (const Outcome outcome : kOutcomes) {
        if (outcome != Outcome::not_sent) names.push_back(to_string(outcome));
    }
    place.fail(
        fmt::format("'{}' is not an outcome; {}", name,
                    meant_or(name, names, fmt::format("one of {}", fmt::join(names, ", ")))));
}

std::vector<OutcomeRule> read_outcomes(const JsonPlace& place) {
    std::vector<OutcomeRule> rules;
    for (const JsonPlace& entry : place.items()) {
        entry.require_keys({"status", "json", "body_regex", "is"});
        OutcomeRule rule;
        if (const auto status = entry.find("status")) {
            rule.status = static_cast<int>(status->count(100, 599));
        }
        if (const auto json = entry.find("json")) {
            for (const auto& [pointer, value] : json->members()) {
                rule.json.emplace_back(pointer, value.value().dump());
            }
        }
        if (const auto regex = entry.find("body_regex")) rule.body_regex = regex->string();
        rule.is = read_outcome(entry.at("is"));
        placed(entry, [&] { OutcomeRules({rule}, {}); });
        rules.push_back(std::move(rule));
    }
    if (rules.empty()) place.fail("without a rule every answer would be unknown; add one");
    const bool can_grant = std::any_of(rules.begin(), rules.end(), [](const OutcomeRule& rule) {
        return rule.is == Outcome::granted || rule.is == Outcome::pending;
    });
    if (!can_grant) place.fail("no rule says \"granted\": such a storm could prove nothing");
    return rules;
}

FieldPointers read_fields(const JsonPlace& place) {
    place.require_keys({"claim_id", "ticket", "amount_cents"});
    FieldPointers fields;
    const auto read = [&](std::string_view key, std::string& pointer) {
        if (const auto found = place.find(key)) pointer = found->string();
    };
    read("claim_id", fields.claim_id);
    read("ticket", fields.ticket);
    read("amount_cents", fields.amount_cents);
    placed(place, [&] { OutcomeRules({}, fields); });
    return fields;
}

/// A placeholder between quotes would be a text, not a value: `'{campaign}'`.
void require_bindable(const JsonPlace& place, const std::string& sql,
                      const std::vector<std::string_view>& placeholders) {
    placed(place, [&] { TextTemplate(sql, placeholders, "placeholder"); });
    bool quoted = false;
    char quote = 0;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        if (quoted) {
            if (sql[i] == '\\' && quote != '`') {
                ++i;
            } else if (sql[i] == quote) {
                quoted = false;
            } else if (sql[i] == '{') {
                for (const std::string_view name : placeholders) {
                    if (sql.compare(i + 1, name.size() + 1, std::string(name) + "}") == 0) {
                        place.fail(fmt::format(
                            "{{{}}} is bound as a value: write it without quotes", name));
                    }
                }
            }
        } else if (sql[i] == '\'' || sql[i] == '"' || sql[i] == '`') {
            quoted = true;
            quote = sql[i];
        }
    }
}

std::string read_query(const JsonPlace& place) {
    std::string sql = place.non_empty_string();
    while (!sql.empty() &&
           (sql.back() == ';' || std::isspace(static_cast<unsigned char>(sql.back())) != 0)) {
        sql.pop_back();
    }
    std::string word = sql.substr(sql.find_first_not_of(" \t\r\n(") == std::string::npos
                                      ? 0
                                      : sql.find_first_not_of(" \t\r\n("));
    word = word.substr(0, word.find_first_of(" \t\r\n("));
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (word != "SELECT" && word != "WITH")
        place.fail("an audit only reads: this must be a SELECT");
    require_bindable(place, sql, {"campaign"});
    return sql;
}

MysqlEvidenceSpec read_mysql(const JsonPlace& place) {
    place.require_keys({"url", "claims", "stock", "payouts"});
    MysqlEvidenceSpec spec;
    const JsonPlace url = place.at("url");
    spec.address = placed(url, [&] { return parse_mysql_url(url.string()); });
    if (const auto claims = place.find("claims")) spec.claims = read_query(*claims);
    if (const auto stock = place.find("stock")) spec.stock = read_query(*stock);
    if (const auto payouts = place.find("payouts")) spec.payouts = read_query(*payouts);
    return spec;
}

std::vector<std::string> read_command(const JsonPlace& place,
                                      const std::vector<std::string_view>& placeholders) {
    std::vector<std::string> words = place.strings();
    if (words.empty()) place.fail("a Redis command has at least one word: [\"GET\", \"key\"]");
    for (const std::string& word : words) {
        placed(place, [&] { TextTemplate(word, placeholders, "placeholder"); });
    }
    return words;
}

std::vector<std::string> read_reading_command(const JsonPlace& place) {
    constexpr std::array<std::string_view, 12> kReading = {
        "GET",  "HGET",   "LLEN",     "SCARD",  "ZCARD",  "HLEN",
        "XLEN", "STRLEN", "BITCOUNT", "ZSCORE", "EXISTS", "GETBIT"};
    std::vector<std::string> words = read_command(place, {"campaign"});
    std::string name = words.front();
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (std::find(kReading.begin(), kReading.end(), name) == kReading.end()) {
        place.fail(fmt::format("an audit only reads: '{}' is none of {}", words.front(),
                               fmt::join(kReading, ", ")));
    }
    return words;
}

/// One command, or a list of commands whose values are summed.
std::vector<RedisCommand> read_reading_commands(const JsonPlace& place) {
    if (!place.value().is_array() || place.value().empty() || !place.value().front().is_array()) {
        return {read_reading_command(place)};
    }
    std::vector<RedisCommand> commands;
    commands.reserve(place.value().size());
    for (const JsonPlace& command : place.items()) {
        commands.push_back(read_reading_command(command));
    }
    return commands;
}

RedisEvidenceSpec read_redis(const JsonPlace& place) {
    place.require_keys({"url", "remaining", "users", "locks", "backlog"});
    RedisEvidenceSpec spec;
    const JsonPlace url = place.at("url");
    spec.address = placed(url, [&] { return parse_redis_url(url.string()); });
    if (const auto remaining = place.find("remaining"))
        spec.remaining = read_reading_commands(*remaining);
    if (const auto backlog = place.find("backlog")) spec.backlog = read_reading_commands(*backlog);
    if (const auto users = place.find("users")) {
        users->require_keys({"set", "hash", "zset"});
        if (users->value().size() != 1) users->fail("one of set, hash and zset is wanted");
        const auto [kind, key] = users->members().front();
        placed(key,
               [&, &where = key] { TextTemplate(where.string(), {"campaign"}, "placeholder"); });
        spec.users.emplace(kind == "set"    ? RedisUsersKind::set
                           : kind == "hash" ? RedisUsersKind::hash
                                            : RedisUsersKind::zset,
                           key.string());
    }
    if (const auto locks = place.find("locks")) {
        for (const JsonPlace& pattern : locks->items()) {
            placed(pattern, [&] { TextTemplate(pattern.string(), {"campaign"}, "placeholder"); });
            spec.locks.push_back(pattern.string());
        }
    }
    return spec;
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
        if (std::holds_alternative<SqlStep>(step) && !evidence.mysql) {
            place.at(key).fail("an sql step needs mysql.url");
        }
        if (std::holds_alternative<RedisStep>(step) && !evidence.redis) {
            place.at(key).fail("a redis step needs redis.url");
        }
    }
}

}  // namespace

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

Target read_target(const JsonPlace& place) {
    place.require_keys({"base_url", "hosts_allowed", "users", "claim", "outcomes", "fields", "poll",
                        "warm_up", "prepare", "finish", "mysql", "redis"});
    Target target;
    const JsonPlace base_url = place.at("base_url");
    target.endpoint.base_url = base_url.string();
    if (const auto hosts = place.find("hosts_allowed")) target.hosts_allowed = hosts->strings();
    placed(base_url, [&] {
        require_allowed_host(parse_base_url(target.endpoint.base_url), target.hosts_allowed);
    });
    if (const auto users = place.find("users")) {
        users->require_keys({"template"});
        const JsonPlace name = users->at("template");
        target.endpoint.user_template = name.string();
        placed(name, [&] { TextTemplate(name.string(), {"n"}, "placeholder"); });
        if (name.string().find("{n}") == std::string::npos) {
            name.fail("without {n} all users would be one; write e.g. \"u{n}\"");
        }
    }
    target.endpoint.claim = read_request(place.at("claim"), "POST", claim_placeholders());
    if (const auto warm_up = place.find("warm_up")) {
        target.endpoint.warm_up = read_request(*warm_up, "GET", claim_placeholders());
    }
    target.endpoint.outcomes = read_outcomes(place.at("outcomes"));
    if (const auto fields = place.find("fields")) target.endpoint.fields = read_fields(*fields);
    if (const auto poll = place.find("poll")) {
        target.endpoint.poll = read_poll(*poll);
        const std::string problem = poll_problem(target.endpoint);
        if (!problem.empty()) poll->fail(problem);
    }
    const auto read_steps = [&place](const char* key, std::vector<PrepareStep>& steps) {
        const auto list = place.find(key);
        if (!list) return;
        for (const JsonPlace& step : list->items()) steps.push_back(read_prepare_step(step));
    };
    read_steps("prepare", target.prepare);
    read_steps("finish", target.finish);
    if (const auto mysql = place.find("mysql")) target.evidence.mysql = read_mysql(*mysql);
    if (const auto redis = place.find("redis")) target.evidence.redis = read_redis(*redis);
    require_stores(place, "prepare", target.prepare, target.evidence);
    require_stores(place, "finish", target.finish, target.evidence);
    return target;
}

Target load_target_file(const std::string& path) {
    const nlohmann::json document = parse_json_text(read_text_file(path, "the target file"), path);
    return read_target(JsonPlace(document, path));
}

}  // namespace claimstorm
