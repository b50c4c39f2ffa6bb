#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/evidence.h"
#include "stores/evidence_spec.h"
#include "stores/mysql.h"
#include "stores/prepare.h"
#include "stores/redis.h"

namespace claimstorm {

/// The stores' counters at one moment, cheap to read: equal pulses mean that nothing moved.
struct Pulse {
    /// By name: "mysql.claims", "redis.remaining" … Of a sum each value is a counter of its own
    /// ("redis.remaining[1]"): what goes from one to the other moves as well.
    std::vector<std::pair<std::string, Reading<std::int64_t>>> counters;
    std::int64_t open_transactions = 0;  ///< with changes not yet committed; 0 if not visible to us

    /// Why a counter could not be read, if one could not: then nobody can tell whether it moves.
    /// A cache key that is not there is no such fault.
    std::string unreadable() const;
    /// "mysql.claims went from 93 to 95"; empty when nothing moved.
    std::string difference(const Pulse& later) const;
};

/// Reads a campaign's evidence out of MySQL and Redis and changes nothing there: SELECT inside
/// START TRANSACTION READ ONLY, SCAN instead of KEYS. Works for an account that may only SELECT.
/// Connections are opened when needed and kept; a lost one is opened anew at the next reading.
class EvidenceReader {
  public:
    /// Throws UsageError for an unknown placeholder. Connects to nothing yet.
    EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign);

    /// Connects to every store that is named. Throws EnvironmentError when one cannot be reached.
    void require_reachable();
    bool names_claims() const noexcept { return !claims_.sql.empty(); }

    /// Never throws for a store's sake: what could not be read is Unreadable and says why.
    Snapshot take(Names& names, TextPool& texts);
    Pulse pulse();

  private:
    struct Stock {
        Reading<std::int64_t> stock;
        Reading<std::int64_t> remaining;
        Reading<bool> sold_out;
    };

    MysqlConnection& mysql();
    RedisConnection& redis();
    template <typename T, typename Read>
    Reading<T> guarded(const char* what, Read&& read);

    Ledger read_ledger(Names& names, TextPool& texts);
    Payouts read_payouts(Names& names, TextPool& texts);
    Stock read_stock();
    void take_mysql(Snapshot& snapshot, Names& names, TextPool& texts);
    void take_redis(Snapshot& snapshot, Names& names);
    std::int64_t read_counter(const RedisCommand& command);
    std::int64_t read_sum(const std::vector<RedisCommand>& commands);
    std::vector<UserId> read_users(Names& names);
    std::vector<LockSeen> read_locks();
    std::int64_t count_rows(const BoundSql& query);
    void add_redis_pulse(Pulse& pulse);
    std::int64_t count_users();
    std::int64_t count_open_transactions();
    void scan(std::vector<std::string> command, std::size_t cursor_at,
              const std::function<void(const std::vector<Reply>&)>& take);

    EvidenceSpec spec_;
    BoundSql claims_;
    BoundSql stock_;
    BoundSql payouts_;
    std::optional<MysqlConnection> mysql_;
    std::optional<RedisConnection> redis_;
};

/// Waits until nothing moves any more: two equal pulses `quiet` apart (at least 150 ms, see
/// settle.cpp) and no open transaction.
/// At most `timeout` plus one reading; ends early, unsettled, when `stop` is set.
Settlement settle(EvidenceReader& reader, std::chrono::milliseconds quiet,
                  std::chrono::milliseconds timeout, const std::atomic<bool>& stop);

}  // namespace claimstorm
