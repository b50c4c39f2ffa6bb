#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "stores/url.h"

namespace claimstorm {

/// How the claims and counters of a campaign are found in MySQL. `{campaign}` in a query is bound
/// as a value, never pasted.
struct MysqlEvidenceSpec {
    MysqlAddress address;
    std::string claims;  ///< columns user, claim_id, optionally ticket, amount_cents; empty: none
    std::string stock;   ///< one row with some of stock, remaining, sold_out; empty: none
    /// Columns claim_id, amount_cents, optionally user; one row a payout executed; empty: none
    std::string payouts = {};
};

/// A reading command such as GET key, word by word.
using RedisCommand = std::vector<std::string>;

enum class RedisUsersKind : std::uint8_t { set, hash, zset };

/// How the campaign's counters are found in Redis. `{campaign}` in a word is filled in.
struct RedisEvidenceSpec {
    RedisAddress address;
    std::vector<RedisCommand> remaining;  ///< whose values are summed; empty: none
    std::optional<std::pair<RedisUsersKind, std::string>> users;
    std::vector<std::string> locks;     ///< patterns of lock keys
    std::vector<RedisCommand> backlog;  ///< whose values are summed; empty: none
};

/// What a campaign leaves in the stores, as the target file names it.
struct EvidenceSpec {
    std::optional<MysqlEvidenceSpec> mysql;
    std::optional<RedisEvidenceSpec> redis;
};

/// Statements and commands that bring the stores to the campaign's starting point.
struct SqlStep {
    std::string sql;  ///< placeholders are bound, never pasted
};
struct RedisStep {
    std::vector<std::string> command;  ///< placeholders are filled in, word by word
};

}  // namespace claimstorm
