#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model/campaign.h"
#include "model/outcome.h"
#include "reference_server/context.h"

namespace claimstorm::reference {

/// What a claim came to, as its client is told.
struct ClaimResult {
    Outcome outcome = Outcome::unknown;
    std::string claim_id = {};  ///< granted and pending claims have one
    std::optional<std::int64_t> ticket = {};
    std::optional<std::int64_t> amount_cents = {};
    std::string why = {};  ///< a sentence for the client; empty where the outcome says it all
};

/// A request that cannot be served as it is: the client gets 400 and this text.
class BadRequest : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A campaign as the stores hold it now: what GET /campaigns/{id} shows.
struct CampaignState {
    std::int64_t remaining = 0;
    bool sold_out = false;
    std::optional<std::int64_t> cache_remaining;  ///< nullopt: the cache has no such key
    std::int64_t claims = 0;
};

/// A loop that runs beside the claims, on a thread and with a Context of its own, from the start of
/// the server until `stop` is requested: it looks at `stop` at least every 200 ms. What it throws
/// is logged, and it is begun again a moment later.
struct BackgroundWork {
    std::string name;
    std::function<void(Context&, const std::stop_token& stop)> run;
};

/// The algorithm by which the server serves claims. One object serves all workers at once, so
/// whatever it keeps in memory it guards itself.
///
/// How each kind of flow fits, so that none needs this interface changed:
/// - locks (global lock, short TTL, early unlock, fencing, granularity): straight-line `claim`,
///   the TTL, the wait and the granularity are options of its FlowEntry, the lock keys are named by
///   `evidence`. A watchdog renews from `background`, through a table the flow guards itself;
///   stalling it is a pause at one of the background's steps.
/// - database flows (row lock, guarded update, optimistic, INSERT IGNORE): `claim`; a version
///   column, a unique key or a table of their own come from `create_schema` and `prepare`.
/// - cache flows (Lua gate, off by one, lazy cache, segments): `prepare` seeds their keys or leaves
///   them cold; `state` and `evidence` say how `remaining` is read where it is not one counter.
/// - asynchronous flows (stream, payouts): `claim` answers `pending`, `background` gives the
///   consumers, `poll` the later answer, `evidence` the backlog and how to poll. After a crash the
///   background finds what was left behind in the stores.
/// - envelopes: `prepare` draws the amounts and makes the list or the table from stock and budget;
///   `claim` returns ticket and amount; `close` archives the winners and drops the id table.
/// - failpoints: every flow calls `context.step(name)` for the steps its FlowEntry lists.
class Flow {
  public:
    virtual ~Flow() = default;

    /// Makes the tables if they are missing. Here: campaigns and claims, shared by most flows.
    virtual void create_schema(Context& context);

    /// Refuses a campaign this flow cannot serve: throws BadRequest.
    /// The server has checked the kind and the numbers' ranges before.
    virtual void check(const Campaign& campaign) const;

    /// Puts a campaign to its start in both stores, whatever was there; nobody claims meanwhile.
    /// Here: its row with all stock, no claims, and the counter in the cache. A flow with further
    /// keys or tables does this first and then resets its own.
    virtual void prepare(Context& context, const Campaign& campaign);

    /// Serves one claim. `user` has 1 to 64 bytes. Throws MysqlError, RedisError (the client gets
    /// 500, outcome unknown).
    virtual ClaimResult claim(Context& context, const Campaign& campaign,
                              std::string_view user) = 0;

    /// What became of a pending claim: granted, sold_out …, or pending still; `rejected` for an id
    /// that was never given. nullopt, as here: this flow answers at once, there is nothing to poll.
    virtual std::optional<ClaimResult> poll(Context& context, const Campaign& campaign,
                                            std::string_view claim_id);

    /// Ends the event and archives it; returns what the client is shown. nullopt, as here: this
    /// flow has nothing to archive.
    virtual std::optional<nlohmann::ordered_json> close(Context& context, const Campaign& campaign);

    /// The repair a real system runs after a fault, on a campaign at rest: compares the stores,
    /// takes what is stored as the truth and puts the rest right. Repeating it changes nothing
    /// more. Returns what it found and mended. nullopt, as here: nothing can get out of step.
    virtual std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                            const Campaign& campaign);

    /// The loops to run beside the claims. Here: none.
    virtual std::vector<BackgroundWork> background();

    /// The campaign as the stores hold it now. Here: from the shared tables and the one counter.
    virtual CampaignState state(Context& context, const Campaign& campaign);

    /// The part of a target file that tells where this flow leaves its evidence: an object with
    /// "mysql" and "redis" (without their urls, which the server adds) and, for flows that answer
    /// pending, "poll". Here: the shared tables and the one counter.
    virtual nlohmann::ordered_json evidence() const;
};

}  // namespace claimstorm::reference
