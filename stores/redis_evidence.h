#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "model/evidence.h"
#include "stores/evidence_spec.h"
#include "stores/prepare.h"
#include "stores/pulse.h"
#include "stores/reading.h"
#include "stores/redis.h"
#include "stores/text_queue.h"

namespace claimstorm {

/// Reads a campaign's evidence out of Redis with commands that only read, and SCAN in place of
/// KEYS. No command stops the others for longer than five thousand keys or 64 KiB take.
class RedisEvidence {
  public:
    /// Throws UsageError for an unknown placeholder. Connects to nothing yet. Precondition: each
    /// counter, set and pattern names an address, or the spec does.
    RedisEvidence(const RedisEvidenceSpec& spec, const Placeholders& placeholders,
                  const RedisOptions& options = {});

    ~RedisEvidence();
    RedisEvidence(const RedisEvidence&) = delete;
    RedisEvidence& operator=(const RedisEvidence&) = delete;

    void require_reachable() { connections_.require_all(); }
    /// Reads the users ahead, in a thread of its own, up to the `take` that follows: Redis needs a
    /// microsecond for each, in which another store can be read. At most 128 MB wait.
    void begin_to_take();
    void take(Snapshot& snapshot, Names& names);
    void add_pulse(Pulse& pulse);
    /// What redis.remaining comes to; not named without any.
    Reading<std::int64_t> read_remaining();
    /// What redis.backlog comes to; not named without any. Several counters of one server are read
    /// at once where the account may use MULTI; `at_once` says whether they were.
    Reading<std::int64_t> read_backlog(bool& at_once);

  private:
    struct Counter {
        RedisCommand command;
        std::size_t place = 0;
    };
    struct Users {
        RedisUsersKind kind;
        std::string key;
        std::string suffix;  ///< of `keys`: what follows the user, `key` being what precedes
        std::string user;
        std::int64_t first = 0;
        std::size_t place = 0;
    };
    struct Locks {
        std::string pattern;
        std::size_t place = 0;
    };

    std::vector<Counter> fill(const std::vector<RedisCounter>& counters,
                              const std::optional<RedisAddress>& own,
                              const Placeholders& placeholders, std::string_view where);
    Reply ask(std::size_t place, const RedisCommand& command);
    std::int64_t read_counter(const Counter& counter);
    static std::int64_t number_in(const Reply& reply, const RedisCommand& command);
    std::int64_t read_sum(const std::vector<Counter>& counters);
    std::optional<std::int64_t> read_sum_at_once(const std::vector<Counter>& counters);
    /// `command` without its COUNT; what it returns is `take`n.
    void scan(std::size_t place, const RedisCommand& command, std::size_t cursor_at,
              const std::function<void(std::string_view)>& take);
    void each_user(const Users& users, const std::function<void(std::string_view)>& take);
    void each_member(const Users& users, const std::function<void(std::string_view)>& take);
    void each_bit(const Users& users, const std::function<void(std::string_view)>& take);
    void each_key(const Users& users, const std::function<void(std::string_view)>& take);
    void read_ahead();
    void stop_reading_ahead();
    std::vector<UserId> take_users(Names& names);
    std::int64_t count_users(const Users& users);
    std::vector<LockSeen> read_locks();

    // First of all: the others are given their places in it as they are made.
    ConnectionsTo<RedisConnection, RedisAddress, RedisOptions> connections_;
    std::vector<Counter> remaining_;
    std::vector<Users> users_;
    std::vector<Locks> locks_;
    std::vector<Counter> backlog_;

    // While it is there, the connections are the thread's.
    std::unique_ptr<TextQueue> ahead_;
    std::thread reading_ahead_;
};

/// A text as a glob pattern that matches it alone.
std::string escape_glob(std::string_view text);

}  // namespace claimstorm
