#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "model/evidence.h"
#include "stores/evidence_spec.h"
#include "stores/mysql_evidence.h"
#include "stores/pulse.h"
#include "stores/redis_evidence.h"

namespace claimstorm {

/// Reads a campaign's evidence out of MySQL and Redis and changes nothing there: SELECT inside
/// START TRANSACTION READ ONLY, SCAN instead of KEYS. Works for an account that may only SELECT.
/// Connections are opened when needed and kept; a lost one is opened anew at the next reading.
class EvidenceReader {
  public:
    /// How long a store may take.
    struct Options {
        MysqlOptions mysql = {};
        RedisOptions redis = {};
    };

    /// Throws UsageError for an unknown placeholder. Connects to nothing yet.
    EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign)
        : EvidenceReader(spec, campaign, Options{}) {}
    EvidenceReader(const EvidenceSpec& spec, const Campaign& campaign, const Options& options);

    /// Connects to every store that is named. Throws EnvironmentError when one cannot be reached.
    void require_reachable();
    bool names_claims() const noexcept { return mysql_ && mysql_->names_claims(); }

    /// Never throws for a store's sake: what could not be read is Unreadable and says why. With the
    /// attempts whose claims the rows are, claim ids that both have take memory only once.
    Snapshot take(Names& names, TextPool& texts, const AttemptList* told = nullptr);
    Pulse pulse();

    // One counter each, as cheaply as a pulse reads it; not named where the target names none. They
    // never throw for a store's sake either.
    Reading<std::int64_t> count_claims();     ///< rows of mysql.claims
    Reading<std::int64_t> cache_remaining();  ///< redis.remaining
    /// redis.backlog; `at_once`: see `RedisEvidence::read_backlog`.
    Reading<std::int64_t> backlog(bool& at_once);

  private:
    std::optional<MysqlEvidence> mysql_;
    std::optional<RedisEvidence> redis_;
};

/// Waits until nothing moves any more: two equal pulses `quiet` apart (at least 150 ms, see
/// settle.cpp) and no open transaction.
/// At most `timeout` plus one reading; ends early, unsettled, when `stop` is set.
Settlement settle(EvidenceReader& reader, std::chrono::milliseconds quiet,
                  std::chrono::milliseconds timeout, const std::atomic<bool>& stop);

}  // namespace claimstorm
