#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stores/url.h"

namespace claimstorm {

/// A SELECT. `{campaign}` in it is bound as a value, never pasted.
struct SqlQuery {
    std::string sql;
    std::optional<MysqlAddress> at = {};  ///< another server or database than the store's own
};

/// How the claims and counters of a campaign are found in MySQL. Where claims lie in several
/// tables, or in several databases, several queries are named: their rows are put together, and
/// their counters are summed.
struct MysqlEvidenceSpec {
    std::optional<MysqlAddress> address;  ///< none: then each query names its own
    /// Columns user, claim_id, optionally ticket, amount_cents; empty: none
    std::vector<SqlQuery> claims = {};
    /// One row each, with some of stock, remaining, sold_out; sold out when all are; empty: none
    std::vector<SqlQuery> stock = {};
    /// Columns claim_id, amount_cents, optionally user; one row a payout executed; empty: none
    std::vector<SqlQuery> payouts = {};
};

/// A command such as GET key, word by word.
using RedisCommand = std::vector<std::string>;

/// A command that answers a number and changes nothing. `{campaign}` in a word is filled in.
struct RedisCounter {
    RedisCommand command;
    std::optional<RedisAddress> at = {};  ///< another instance or database than the store's own

    friend bool operator==(const RedisCounter&, const RedisCounter&) = default;
};

enum class RedisUsersKind : std::uint8_t {
    set,
    hash,    ///< the users are its fields
    zset,    ///< the users are its members
    bitmap,  ///< each bit is a user
    keys,    ///< each user has a key
};

/// Where the cache keeps who has claimed.
struct RedisUsers {
    RedisUsersKind kind = RedisUsersKind::set;
    std::string key;         ///< of `keys` a key with {user} in it, once
    std::string user = {};   ///< bitmap: a template, whose {n} is the bit's offset + `first`
    std::int64_t first = 0;  ///< bitmap: the n of bit 0
    std::optional<RedisAddress> at = {};
};

/// Which keys are locks.
struct RedisLocks {
    std::string pattern;  ///< of SCAN; `{campaign}` in it stands for itself, whatever it contains
    std::optional<RedisAddress> at = {};
};

/// How the campaign's counters are found in Redis. `{campaign}` is filled in.
struct RedisEvidenceSpec {
    std::optional<RedisAddress> address;       ///< none: then each of these names its own
    std::vector<RedisCounter> remaining = {};  ///< summed; empty: none
    std::vector<RedisUsers> users = {};        ///< together; empty: none
    std::vector<RedisLocks> locks = {};
    std::vector<RedisCounter> backlog = {};                  ///< summed; empty: none
    std::optional<std::chrono::milliseconds> lock_ttl = {};  ///< after which its locks expire
};

/// What a campaign leaves in the stores, as the target file names it.
struct EvidenceSpec {
    std::optional<MysqlEvidenceSpec> mysql;
    std::optional<RedisEvidenceSpec> redis;

    std::optional<std::chrono::milliseconds> lock_ttl() const {
        return redis ? redis->lock_ttl : std::nullopt;
    }
};

/// Statements and commands that bring the stores to the campaign's starting point.
struct SqlStep {
    std::string sql;  ///< placeholders are bound, never pasted
};
struct RedisStep {
    std::vector<std::string> command;  ///< placeholders are filled in, word by word
};

}  // namespace claimstorm
