#include "reference_server/flows/cache_counter.h"

namespace claimstorm::reference {
namespace {

constexpr int kWrites = 3;

const Script& lower_to() {
    static const Script script(
        "local now = tonumber(redis.call('GET', KEYS[1]) or '')\n"
        "if not now or tonumber(ARGV[1]) < now then redis.call('SET', KEYS[1], ARGV[1]) end\n"
        "return 1\n");
    return script;
}

}  // namespace

std::optional<std::int64_t> cached_count(Context& context, const std::string& key) {
    const Reply count = context.redis().command({"GET", key});
    if (count.is_nil()) return std::nullopt;
    return count.integer();
}

std::vector<std::optional<std::int64_t>> cached_counts(Context& context,
                                                       const std::vector<std::string>& keys) {
    std::vector<std::string_view> command = {"MGET"};
    command.insert(command.end(), keys.begin(), keys.end());
    std::vector<std::optional<std::int64_t>> counts;
    counts.reserve(keys.size());
    for (const Reply& count : context.redis().command(command).elements()) {
        counts.push_back(count.is_nil() ? std::nullopt : std::optional(count.integer()));
    }
    return counts;
}

bool is_empty_in_cache(Context& context, const std::string& key) {
    const auto count = cached_count(context, key);
    return count && *count <= 0;
}

void lower_in_cache(Context& context, const std::string& key, std::int64_t left) noexcept {
    for (int attempt = 1; attempt <= kWrites; ++attempt) {
        try {
            lower_to().run(context.redis(), {key}, {std::to_string(left)});
            return;
        } catch (const RedisError& error) {
            if (!is_connection_lost(error)) return;
        }
    }
}

}  // namespace claimstorm::reference
