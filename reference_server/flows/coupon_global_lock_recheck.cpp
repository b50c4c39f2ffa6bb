// coupon/global-lock/recheck: the article's cure in its sound form.
//
//   1. Read the cache and the user's claims, only to refuse early what is sure already: the counter
//      is lowered behind a COMMIT alone, so zero means that all of the stock is stored.
//      Take the lock: SET key token NX PX ttl, tried again with jittered, growing pauses until
//      `wait` is over (then 503; at once with lock_wait=none); whoever sees zero while waiting
//      stops waiting.
//   2. (The article decrements the cache here; see below.)
//   3. and 4. One MySQL transaction: read the coupon again, its row locked; refuse if nothing is
//      left or the user has claimed; remaining-1 guarded by remaining > 0, the sold-out mark in the
//      same statement; the claim row; COMMIT.
//   5. Lower the cache to what the database now holds, then release the lock by compare-and-delete.
//
// Follows the coupon article, with what it asks to be thought through: the lock's granularity, its
// timeout, what happens after expiry, and deadlock (1213 and 1205: the whole transaction again, a
// bounded number of times). `granularity` is
//   - system: one lock for all campaigns;
//   - campaign: one lock a campaign;
//   - segments: the stock in `segments` rows, each with a counter in the cache and a lock of its
//     own. A claim begins at its user's segment and goes on to the next while they are empty, so
//     that no segment's leftovers stay unsold. What keeps two claims of one user apart is then a
//     row for each user, locked first. Sold out is marked behind the COMMIT that empties the last
//     segment.
//
// Guarantees: never more than the stock, never more than `per_user` a user, sold_out exactly when
// nothing remains, and at rest cache = database = stock - claims. Why it holds:
//   - The lock keeps the crowd away from the database; it is a lease, so nothing depends on it. The
//     locked rows do the deciding: a holder whose lease ran out finds the row locked and reads what
//     the other stored.
//   - A counter only ever falls, so the cache is written as a minimum: late, repeated and reordered
//     writes all end at the lowest value. A lost reply is therefore simply repeated, and nothing
//     needs to be given back when the transaction fails.
//   - A lost reply to COMMIT is settled by reading back (claim_transaction.h); where that fails
//     too the client is told 500, and the cache is put right by the next claim.
//
// Under failpoints, at whatever step:
//   - an exception before COMMIT: nothing is stored, the lock is released, the client is told 500;
//     after it: the claim is stored, the cache follows, the client is told 500 (it may ask again).
//   - a crash: the lock expires with its TTL, and claims wait as long. A crash at after_commit
//     leaves the cache one too high (with segments also the mark unset) until the next claim comes
//     by, or until reconcile. No unit is sold from it.
//   - a pause longer than the TTL: two holders; the second waits for the row, and sells what is
//     left. A lost reply changes nothing that is stored.
#include <chrono>
#include <memory>
#include <optional>

#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/at_scope_end.h"
#include "reference_server/flows/cache_counter.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/stock.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

class CouponGlobalLockRecheck : public Flow {
  public:
    explicit CouponGlobalLockRecheck(const FlowOptions& options)
        : stock_(options.choice("granularity") == "segments"
                     ? make_segmented_stock(options.count("segments"))
                     : make_whole_stock(options.choice("granularity") == "system")),
          ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options) {}

    void create_schema(Context& context) override {
        Flow::create_schema(context);
        stock_->create_schema(context);
    }

    void prepare(Context& context, const Campaign& campaign) override {
        Flow::prepare(context, campaign);
        stock_->prepare(context, campaign);
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const auto counters = not_known_empty(context, stock_->counters(campaign, user));
        if (counters.empty()) return {Outcome::sold_out};
        if (claims_of(context.mysql(), campaign, user) >= campaign.per_user) {
            return {Outcome::already_claimed};
        }
        context.step("after_read");

        LockSpin spin(context, wait_);
        for (const StockCounter& counter : counters) {
            ClaimResult result = claim_from(context, campaign, user, counter, spin);
            if (result.outcome != Outcome::sold_out) return result;
        }
        return {Outcome::sold_out};
    }

    std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                    const Campaign& campaign) override {
        return stock_->reconcile(context, campaign);
    }

    CampaignState state(Context& context, const Campaign& campaign) override {
        return stock_->state(context, campaign);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = Flow::evidence();
        stock_->describe(evidence);
        return evidence;
    }

  private:
    static std::vector<StockCounter> not_known_empty(Context& context,
                                                     std::vector<StockCounter> counters) {
        std::vector<std::string> keys;
        keys.reserve(counters.size());
        for (const StockCounter& counter : counters) keys.push_back(counter.cache_key);
        const auto counts = cached_counts(context, keys);
        std::vector<StockCounter> open;
        open.reserve(counters.size());
        for (std::size_t i = 0; i < counters.size(); ++i) {
            if (counts[i].value_or(1) > 0) open.push_back(std::move(counters[i]));
        }
        return open;
    }

    /// Sold out means: this counter is.
    ClaimResult claim_from(Context& context, const Campaign& campaign, std::string_view user,
                           const StockCounter& counter, LockSpin& spin) const {
        RedisLock lock(context, counter.lock_key, ttl_);
        while (!lock.try_acquire()) {
            if (!spin.pause()) return {Outcome::throttled};
            if (is_empty_in_cache(context, counter.cache_key)) return {Outcome::sold_out};
        }
        context.step("in_lock");

        // Steps 3 and 4.
        Outcome refusal = Outcome::sold_out;
        std::optional<std::int64_t> left;  // as the counter's row will hold it, once known
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) {
                return store(context, mysql, campaign, user, counter, refusal, left);
            },
            is_in_claims(campaign, user));
        {
            // Step 5, also when the step between throws. Only what a transaction has settled may
            // lower the cache.
            const bool settled = stored.fate == Fate::committed || stored.fate == Fate::refused;
            const AtScopeEnd follow([&] {
                if (settled && left) cache_follows(context, campaign, counter, *left);
            });
            context.step("after_commit");
        }
        context.step("before_unlock");
        return answer(stored, refusal);
    }

    /// Reads again with the row locked, decides, and writes. The id of the claim row, or nullopt
    /// with the reason in `refusal`; `left` is what the counter's row holds afterwards.
    std::optional<std::uint64_t> store(Context& context, MysqlConnection& mysql,
                                       const Campaign& campaign, std::string_view user,
                                       const StockCounter& counter, Outcome& refusal,
                                       std::optional<std::int64_t>& left) const {
        left = stock_->lock_row(mysql, campaign, user, counter);
        refusal = Outcome::sold_out;
        if (*left <= 0) return std::nullopt;
        // The transaction's first plain read, behind the locks: it sees all that is committed.
        refusal = Outcome::already_claimed;
        if (claims_of(mysql, campaign, user) >= campaign.per_user) return std::nullopt;
        stock_->take(mysql, campaign, counter);
        --*left;
        const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
        context.step("before_commit");
        return claim_id;
    }

    /// Repeating it does no harm. Where it fails for good the claim is stored nevertheless, and the
    /// next one does it: so the mark is set before the cache turns everybody away.
    void cache_follows(Context& context, const Campaign& campaign, const StockCounter& counter,
                       std::int64_t left) const noexcept {
        try {
            if (left == 0) stock_->note_empty(context.mysql(), campaign);
        } catch (const MysqlError&) {
            return;
        }
        lower_in_cache(context, counter.cache_key, left);
    }

    std::unique_ptr<Stock> stock_;
    std::chrono::milliseconds ttl_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock_recheck() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/recheck";
    entry.about = "The sound lock: owner token, expiry, state read again inside, guarded write.";
    entry.options = LockWait::options();
    entry.options.push_back(
        choice_option("granularity", "campaign",
                      "one lock for all campaigns, for each, or for each stock segment",
                      {"campaign", "system", "segments"}));
    entry.options.push_back(
        count_option("segments", "4", "the stock segments, with granularity=segments", 1, 64));
    entry.options.push_back(
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min));
    entry.sound = true;
    entry.steps = {"after_read", "in_lock", "before_commit", "after_commit", "before_unlock"};
    entry.make = make_flow<CouponGlobalLockRecheck>;
    return entry;
}

}  // namespace claimstorm::reference
