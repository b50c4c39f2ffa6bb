#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "reference_server/context.h"

namespace claimstorm::reference {

// A counter in the cache that follows the database: lowered behind a COMMIT, never before.

/// What it holds; nullopt when there is no such key. Throws RedisError.
std::optional<std::int64_t> cached_count(Context& context, const std::string& key);

/// What several of them hold, read at once. Throws RedisError.
std::vector<std::optional<std::int64_t>> cached_counts(Context& context,
                                                       const std::vector<std::string>& keys);

/// Whether it says that nothing is left. A missing counter proves nothing: then the database has to
/// be asked. Throws RedisError.
bool is_empty_in_cache(Context& context, const std::string& key);

/// Lowers it to `left`, or sets it where it is missing. It never rises, so that late, repeated and
/// reordered calls all end at the lowest value, and a lost reply is simply asked for again. Where
/// that fails for good the counter stays too high, which the next claim finds and mends.
void lower_in_cache(Context& context, const std::string& key, std::int64_t left) noexcept;

}  // namespace claimstorm::reference
