// The stores of a target: how its claims, counters and keys are read, and how they may not be.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "model/text_template.h"
#include "scenarios/target_parts.h"

namespace claimstorm {

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

namespace {

std::string in_capitals(std::string word) {
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return word;
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
    word = in_capitals(word.substr(0, word.find_first_of(" \t\r\n(")));
    if (word != "SELECT" && word != "WITH")
        place.fail("an audit only reads: this must be a SELECT");
    require_bindable(place, sql, {"campaign"});
    return sql;
}

}  // namespace

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

namespace {

std::vector<std::string> read_reading_command(const JsonPlace& place) {
    constexpr std::array<std::string_view, 12> kReading = {
        "GET",  "HGET",   "LLEN",     "SCARD",  "ZCARD",  "HLEN",
        "XLEN", "STRLEN", "BITCOUNT", "ZSCORE", "EXISTS", "GETBIT"};
    std::vector<std::string> words = read_command(place, {"campaign"});
    const std::string name = in_capitals(words.front());
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

}  // namespace

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

}  // namespace claimstorm
