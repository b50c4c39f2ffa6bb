#include "reference_server/redis_lock.h"

#include <utility>

namespace claimstorm::reference {
namespace {

constexpr int kReleaseAttempts = 3;

const Script& compare_and_delete() {
    static const Script script(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end\n"
        "return 0\n");
    return script;
}

}  // namespace

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
    for (int attempt = 1;; ++attempt) {
        try {
            const Reply deleted = compare_and_delete().run(context_.redis(), {key_}, {token_});
            maybe_held_ = false;
            return deleted.integer() == 1;
        } catch (const RedisError& error) {
            // Comparing first makes it harmless to say it twice.
            if (!is_connection_lost(error) || attempt == kReleaseAttempts) throw;
        }
    }
}

}  // namespace claimstorm::reference
