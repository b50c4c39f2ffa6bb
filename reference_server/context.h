#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "stores/mysql.h"
#include "stores/redis.h"

namespace claimstorm::reference {

class Context;

/// What a failpoint's `error` throws: the application failed at that step. Flows handle it as they
/// handle any other exception.
class InjectedError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Called at each named step a flow passes. It may throw (an injected error), wait (a pause, a
/// chosen interleaving) or end the process (a crash).
using StepHook = std::function<void(Context&, std::string_view step)>;

/// The two stores as a worker reaches them.
struct StoreAddresses {
    MysqlAddress mysql;
    RedisAddress redis;
    std::chrono::milliseconds connect_timeout{3000};
    std::chrono::milliseconds io_timeout{10000};
    /// InnoDB's default of 50 s is longer than any client waits.
    std::chrono::seconds lock_wait_timeout{5};
};

/// What one worker thread, or one background thread, works with: a connection to each store of its
/// own, its randomness, and the steps. Used by one thread at a time.
class Context {
  public:
    /// Connects to both stores. Throws MysqlError, RedisError. `hook` may be null.
    Context(StoreAddresses addresses, const StepHook* hook);

    /// The connection; a new one if the last one was lost. A usable one is never replaced, so
    /// that a transaction cannot move to another connection unnoticed. Throws MysqlError.
    MysqlConnection& mysql();
    /// The same for Redis. Throws RedisError.
    RedisConnection& redis();

    /// Marks a named step of the flow. Without a hook this is one comparison.
    void step(std::string_view name) {
        if (hook_ != nullptr) (*hook_)(*this, name);
    }

    /// The claim being served goes on, but its client shall not get the answer.
    void drop_reply() noexcept { reply_dropped_ = true; }
    /// Whether that was asked for since the last call.
    bool take_reply_dropped() noexcept { return std::exchange(reply_dropped_, false); }

    std::mt19937_64& random() noexcept { return random_; }
    /// Counts the time a claim spent waiting for a lock in Redis, for the benchmark's lock-wait
    /// share.
    void add_lock_wait(std::chrono::nanoseconds waited) noexcept { lock_waited_ += waited; }
    std::chrono::nanoseconds lock_waited() const noexcept { return lock_waited_; }

    /// A text nobody else has, in this process or any other: a lock owner's token.
    std::string unique_token();

  private:
    StoreAddresses addresses_;
    const StepHook* hook_;
    std::optional<MysqlConnection> mysql_;
    std::optional<RedisConnection> redis_;
    std::mt19937_64 random_;
    std::chrono::nanoseconds lock_waited_{0};
    bool reply_dropped_ = false;
    std::string token_prefix_;
    std::uint64_t tokens_given_ = 0;
};

}  // namespace claimstorm::reference
