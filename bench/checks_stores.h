#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lab/lab.h"
#include "stores/mysql.h"
#include "stores/redis.h"

namespace claimstorm::bench {

/// A sale of `claims` units that went as it should: who was told yes has a row and is in the
/// cache's set, a tenth of the winners clicked twice, and a tenth as many came too late.
struct Sale {
    std::int64_t claims = 0;
    /// Rows come in the order of the claims, not in that of the users' names: the k-th claim (from
    /// 0) is that of user k * stride % claims.
    std::int64_t stride = 1;

    /// `in_order`: as the names.
    explicit Sale(std::int64_t of, bool in_order = false);
    std::int64_t winner(std::int64_t k) const { return k * stride % claims; }
    std::int64_t users() const { return claims + claims / 10; }
    std::int64_t attempts() const { return claims + 2 * (claims / 10); }
    std::string campaign() const { return "sale" + std::to_string(claims); }
};

inline constexpr const char* kHistoryFile = "history.bin";
/// The same answers as lines user,outcome,claim id: what one who judges by hand has.
inline constexpr const char* kLogFile = "told.csv";

/// The rows and the campaign's counters in MariaDB, in the reference server's tables; whatever else
/// these held is gone. Throws MysqlError.
void fill_mysql(MysqlConnection& mysql, const Sale& sale);

/// The user set and the counter in Redis; whatever else it held is gone. Throws RedisError.
void fill_redis(RedisConnection& redis, const Sale& sale);

/// history.bin and told.csv in `folder`. Throws EnvironmentError.
void write_answers(const std::filesystem::path& folder, const Sale& sale);

}  // namespace claimstorm::bench
