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

std::string read_select(const JsonPlace& place) {
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

/// A query, or one at another address: {"url": …, "sql": …}.
SqlQuery read_query(const JsonPlace& place) {
    if (!place.value().is_object()) return {read_select(place)};
    place.require_keys({"url", "sql"});
    const JsonPlace url = place.at("url");
    return {read_select(place.at("sql")),
            placed(url, [&] { return parse_mysql_url(url.string()); })};
}

/// One, or a list of them.
std::vector<SqlQuery> read_queries(const JsonPlace& place) {
    if (!place.value().is_array()) return {read_query(place)};
    std::vector<SqlQuery> queries;
    for (const JsonPlace& query : place.items()) queries.push_back(read_query(query));
    if (queries.empty()) place.fail("an empty list reads nothing; leave the key out");
    return queries;
}

/// Without a url of the store, whatever is read from it must name its own.
template <typename Part>
void require_urls(const JsonPlace& store, const char* name, const char* key,
                  const std::vector<Part>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].at) continue;
        const JsonPlace place = store.at(key);
        const bool is_listed = parts.size() > 1 || std::string_view(key) == "locks";
        (is_listed ? place.item(i) : place)
            .fail(fmt::format("nothing says where this is read: there is no {}.url, and it names "
                              "no \"url\" of its own; add one of the two",
                              name));
    }
}

/// A store of which nothing is said but that there is one.
void require_something(const JsonPlace& store, bool has_parts) {
    if (!has_parts)
        store.fail("it names nothing to read and no \"url\"; add them, or leave it out");
}

}  // namespace

MysqlEvidenceSpec read_mysql(const JsonPlace& place) {
    place.require_keys({"url", "claims", "stock", "payouts"});
    MysqlEvidenceSpec spec;
    if (const auto url = place.find("url")) {
        spec.address = placed(*url, [&] { return parse_mysql_url(url->string()); });
    }
    if (const auto claims = place.find("claims")) spec.claims = read_queries(*claims);
    if (const auto stock = place.find("stock")) spec.stock = read_queries(*stock);
    if (const auto payouts = place.find("payouts")) spec.payouts = read_queries(*payouts);
    if (!spec.address) {
        require_something(place,
                          !spec.claims.empty() || !spec.stock.empty() || !spec.payouts.empty());
        require_urls(place, "mysql", "claims", spec.claims);
        require_urls(place, "mysql", "stock", spec.stock);
        require_urls(place, "mysql", "payouts", spec.payouts);
    }
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

/// Commands that change nothing and answer one number, or a text that may be one.
std::vector<std::string> read_reading_command(const JsonPlace& place) {
    constexpr std::array<std::string_view, 25> kReading = {
        "GET",     "HGET",     "LLEN",       "SCARD",     "ZCARD",    "HLEN",      "XLEN",
        "STRLEN",  "BITCOUNT", "ZSCORE",     "EXISTS",    "GETBIT",   "ZCOUNT",    "ZLEXCOUNT",
        "HSTRLEN", "HEXISTS",  "LINDEX",     "ZRANK",     "ZREVRANK", "SISMEMBER", "GETRANGE",
        "BITPOS",  "LPOS",     "SINTERCARD", "ZINTERCARD"};
    std::vector<std::string> words = read_command(place, {"campaign"});
    const std::string name = in_capitals(words.front());
    if (std::find(kReading.begin(), kReading.end(), name) == kReading.end()) {
        place.fail(fmt::format("an audit only reads: '{}' is none of {}", words.front(),
                               fmt::join(kReading, ", ")));
    }
    return words;
}

std::optional<RedisAddress> read_redis_url(const JsonPlace& place) {
    const auto url = place.find("url");
    if (!url) return std::nullopt;
    return placed(*url, [&] { return parse_redis_url(url->string()); });
}

/// A command, or one at another address: {"url": …, "command": […]}.
RedisCounter read_counter(const JsonPlace& place) {
    if (!place.value().is_object()) return {read_reading_command(place)};
    place.require_keys({"url", "command"});
    return {read_reading_command(place.at("command")), read_redis_url(place)};
}

/// One counter, or a list of them whose values are summed.
std::vector<RedisCounter> read_counters(const JsonPlace& place) {
    const nlohmann::json& value = place.value();
    const bool is_list = value.is_array() && !value.empty() &&
                         (value.front().is_array() || value.front().is_object());
    if (!is_list) return {read_counter(place)};
    std::vector<RedisCounter> counters;
    counters.reserve(value.size());
    for (const JsonPlace& counter : place.items()) counters.push_back(read_counter(counter));
    return counters;
}

void require_user_once(const JsonPlace& key) {
    constexpr std::string_view kMark = "{user}";
    const std::string text = key.string();
    const std::size_t at = text.find(kMark);
    if (at == std::string::npos || text.find(kMark, at + 1) != std::string::npos) {
        key.fail("{user} must stand in it once: it is what is cut out of each key");
    }
}

/// What a bitmap's bits stand for.
void read_bits(const JsonPlace& place, const std::string& user_template, RedisUsers& users) {
    users.user = user_template;
    if (const auto user = place.find("user")) {
        placed(*user, [&] { TextTemplate(user->string(), {"n"}, "placeholder"); });
        if (user->string().find("{n}") == std::string::npos) {
            user->fail("without {n} all bits would be one user; write e.g. \"u{n}\"");
        }
        users.user = user->string();
    }
    if (users.user.empty()) {
        place.fail("say what a bit stands for: \"user\": \"u{n}\", the users being in a file");
    }
    if (const auto first = place.find("first")) users.first = first->count(0);
}

RedisUsers read_users_entry(const JsonPlace& place, const std::string& user_template) {
    constexpr std::array<std::pair<std::string_view, RedisUsersKind>, 5> kKinds = {
        {{"set", RedisUsersKind::set},
         {"hash", RedisUsersKind::hash},
         {"zset", RedisUsersKind::zset},
         {"bitmap", RedisUsersKind::bitmap},
         {"keys", RedisUsersKind::keys}}};
    place.require_keys({"set", "hash", "zset", "bitmap", "keys", "url", "user", "first"});
    RedisUsers users;
    int kinds = 0;
    for (const auto& [name, kind] : kKinds) {
        const auto key = place.find(name);
        if (!key) continue;
        ++kinds;
        users.kind = kind;
        users.key = key->non_empty_string();
        const bool is_pattern = kind == RedisUsersKind::keys;
        const std::vector<std::string_view> known =
            is_pattern ? std::vector<std::string_view>{"campaign", "user"}
                       : std::vector<std::string_view>{"campaign"};
        placed(*key, [&] { TextTemplate(users.key, known, "placeholder"); });
        if (is_pattern) require_user_once(*key);
    }
    if (kinds != 1) place.fail("one of set, hash, zset, bitmap and keys is wanted");
    if (users.kind == RedisUsersKind::bitmap) {
        read_bits(place, user_template, users);
    } else if (place.find("user") || place.find("first")) {
        place.fail("user and first say what the bits of a bitmap stand for: there is none");
    }
    users.at = read_redis_url(place);
    return users;
}

std::vector<RedisUsers> read_redis_users(const JsonPlace& place, const std::string& user_template) {
    if (!place.value().is_array()) return {read_users_entry(place, user_template)};
    std::vector<RedisUsers> users;
    for (const JsonPlace& entry : place.items()) {
        users.push_back(read_users_entry(entry, user_template));
    }
    if (users.empty()) place.fail("an empty list reads nothing; leave the key out");
    return users;
}

/// A pattern, or one at another address: {"url": …, "pattern": "lock:*"}.
RedisLocks read_locks_entry(const JsonPlace& place) {
    const bool is_elsewhere = place.value().is_object();
    if (is_elsewhere) place.require_keys({"url", "pattern"});
    const JsonPlace pattern = is_elsewhere ? place.at("pattern") : place;
    RedisLocks locks{pattern.non_empty_string()};
    placed(pattern, [&] { TextTemplate(locks.pattern, {"campaign"}, "placeholder"); });
    if (is_elsewhere) locks.at = read_redis_url(place);
    return locks;
}

}  // namespace

RedisEvidenceSpec read_redis(const JsonPlace& place, const std::string& user_template) {
    place.require_keys({"url", "remaining", "users", "locks", "lock_ttl", "backlog"});
    RedisEvidenceSpec spec;
    spec.address = read_redis_url(place);
    if (const auto remaining = place.find("remaining")) spec.remaining = read_counters(*remaining);
    if (const auto backlog = place.find("backlog")) spec.backlog = read_counters(*backlog);
    if (const auto users = place.find("users")) {
        spec.users = read_redis_users(*users, user_template);
    }
    if (const auto locks = place.find("locks")) {
        for (const JsonPlace& entry : locks->items()) spec.locks.push_back(read_locks_entry(entry));
    }
    if (const auto ttl = place.find("lock_ttl")) {
        constexpr std::chrono::milliseconds kLeast(1);  // Redis knows none shorter
        spec.lock_ttl = std::chrono::ceil<std::chrono::milliseconds>(ttl->duration(kLeast));
    }
    if (!spec.address) {
        require_something(place, !spec.remaining.empty() || !spec.users.empty() ||
                                     !spec.locks.empty() || !spec.backlog.empty());
        require_urls(place, "redis", "remaining", spec.remaining);
        require_urls(place, "redis", "users", spec.users);
        require_urls(place, "redis", "locks", spec.locks);
        require_urls(place, "redis", "backlog", spec.backlog);
    }
    return spec;
}

}  // namespace claimstorm
