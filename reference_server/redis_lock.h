#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "reference_server/context.h"

namespace claimstorm::reference {

/// Deletes the key if it still holds this token: the only safe way to release a lock. Returns
/// whether it did; a lost reply is asked for again, so false may also mean that an earlier try had
/// done it. Throws RedisError.
bool compare_and_delete(Context& context, std::string_view key, std::string_view token);

/// A lock in Redis as it should be: its value is a token only this holder knows, it expires by
/// itself, and it is released by compare-and-delete, so that nobody ever deletes another's lock.
///
/// It is a lease: a holder that stalls for longer than `ttl` no longer holds it and does not know.
/// Whatever must not happen twice needs a second guard where it is written.
class RedisLock {
  public:
    RedisLock(Context& context, std::string key, std::chrono::milliseconds ttl);
    /// Releases, if there is anything to release. Errors are left to the TTL.
    ~RedisLock();
    RedisLock(const RedisLock&) = delete;
    RedisLock& operator=(const RedisLock&) = delete;

    /// One try, no waiting. Throws RedisError; the destructor then releases what a lost reply may
    /// have left locked.
    bool try_acquire();

    /// Returns whether it was still ours: false if it had expired, or if an earlier try whose reply
    /// was lost has released it. Throws RedisError.
    bool release();

    const std::string& key() const noexcept { return key_; }
    const std::string& token() const noexcept { return token_; }

  private:
    Context& context_;
    std::string key_;
    std::string ttl_ms_;
    std::string token_;
    bool maybe_held_ = false;
};

}  // namespace claimstorm::reference
