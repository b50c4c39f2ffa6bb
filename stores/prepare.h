#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stores/evidence_spec.h"
#include "stores/mysql.h"
#include "stores/redis.h"

namespace claimstorm {

/// The placeholders a text may name, and what each stands for; parallel lists.
struct Placeholders {
    std::vector<std::string_view> names;
    std::vector<std::string> values;

    std::string fill(std::string_view text, std::string_view where) const;
};

/// An SQL text whose placeholders have become `?`, with the values to bind to them.
struct BoundSql {
    std::string sql;
    std::vector<std::string> texts;

    /// Views `texts`.
    std::vector<MysqlValue> values() const;
};

/// Throws UsageError for an unknown placeholder.
BoundSql bind_sql(std::string_view sql, const Placeholders& placeholders, std::string_view where);

/// Runs one step that brings a store to its starting point. Throws EnvironmentError.
void run_step(MysqlConnection& mysql, const SqlStep& step, const Placeholders& placeholders);
void run_step(RedisConnection& redis, const RedisStep& step, const Placeholders& placeholders);

}  // namespace claimstorm
