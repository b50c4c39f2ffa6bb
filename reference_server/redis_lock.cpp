#include "reference_server/redis_lock.h"

#include <utility>

namespace claimstorm::reference {
namespace {

constexpr int kReleaseAttempts = 3;

const Script& compare_and_delete_script() {
    static const Script script(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
        "return 0\n");
    return script;
}

}  // namespace

bool compare_and_delete(Context& context, std::string_view key, std::string_view token) {
    for (int attempt = 1;; ++attempt) {
        try {
            return compare_and_delete_script().run(context.redis(), {key}, {token}).integer() == 1;
        } catch (const RedisError& error) {
            // Comparing first makes it harmless to say it twice.
            if (!is_connection_lost(error) || attempt == kReleaseAttempts) throw;
        }
    }
}

RedisLock::RedisLock(Context& context, std::string key, std::chrono::milliseconds ttl)
    : context_(context),
      key_(std::move(key)),
      ttl_ms_(std::to_string(ttl.count())),
      token_(context.unique_token()) {}

RedisLock::~RedisLock() {
    try {
        if (maybe_held_) release();
    } catch (const RedisError&) {  // NOLINT(bugprone-empty-catch): the TTL ends it
    }
}

bool RedisLock::try_acquire() {
    maybe_held_ = true;
    const Reply reply =
        context_.redis().command({"SET", key_, token_, "NX", "PX", ttl_ms_});  // OK or nil
    maybe_held_ = !reply.is_nil();
    return maybe_held_;
}

bool RedisLock::release() {
    const bool was_ours = compare_and_delete(context_, key_, token_);
    maybe_held_ = false;
    return was_ours;
}

}  // namespace claimstorm::reference
