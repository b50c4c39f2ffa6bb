// coupon/global-lock/short-ttl: the lock expires before its holder is done.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//      Take the lock: SET key 1 NX PX ttl.
//   2. to 4. Inside the lock, one MySQL transaction: read the coupon again; remaining-1, sold out
//      at zero; the claim row; COMMIT. Then set the cache to what was stored.
//   5. Release the lock: DEL key.
//
// Follows the coupon article's "give the lock a timeout" without its "think of what happens after
// expiry": the TTL (option) was chosen by how long a transaction takes on a quiet day, and the
// release is a plain DEL, since the value names no owner.
//
// Guarantees never more than the stock and nobody twice, as long as every transaction ends within
// the TTL.
//
// What breaks it: a transaction longer than the TTL; a slow disk, a full connection pool or a pause
// of the process is enough (a pause at after_recheck or before_commit).
//   - The lock expires, the next claim enters; both have read "7 left", both store 6: a unit is
//     sold twice, or one user gets two rows. Both counters read 6 and hide it.
//   - The first one's DEL then deletes the second one's lock, so that a third enters, whose lock
//     the second deletes, and so on: one slow transaction is enough to break the lock for many.
#include <chrono>
#include <string>

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/cache_counter.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/locked_coupon_flow.h"
#include "reference_server/flows/trusting_sale.h"

namespace claimstorm::reference {
namespace {

class CouponGlobalLockShortTtl : public LockedCouponFlow {
  public:
    explicit CouponGlobalLockShortTtl(const FlowOptions& options)
        : ttl_ms_(std::to_string(
              std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl")).count())),
          wait_(options) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        LockSpin spin(context, wait_);
        while (!try_lock(context, campaign)) {
            if (!spin.pause()) return {Outcome::throttled};
            if (is_empty_in_cache(context, remaining_key(campaign.id))) return {Outcome::sold_out};
        }
        ClaimResult result;
        try {
            context.step("in_lock");
            // Steps 2 to 4.
            result = sell_trusting_the_lock(context, campaign, user);
            context.step("before_unlock");
        } catch (...) {
            unlock(context, campaign);
            throw;
        }
        // Step 5.
        unlock(context, campaign);
        return result;
    }

  private:
    bool try_lock(Context& context, const Campaign& campaign) const {
        const std::string key = lock_key(campaign.id);
        return !context.redis().command({"SET", key, "1", "NX", "PX", ttl_ms_}).is_nil();
    }

    static void unlock(Context& context, const Campaign& campaign) {
        context.redis().command({"DEL", lock_key(campaign.id)});
    }

    std::string ttl_ms_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock_short_ttl() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/short-ttl";
    entry.about = "A TTL shorter than a slow transaction, and a DEL that deletes another's lock.";
    entry.options = LockWait::options();
    entry.options.push_back(
        duration_option("ttl", "10ms", "when the lock expires, whoever holds it", 1ms, 10min));
    entry.steps = {"after_read",    "in_lock",      "after_recheck",
                   "before_commit", "after_commit", "before_unlock"};
    entry.make = make_flow<CouponGlobalLockShortTtl>;
    return entry;
}

}  // namespace claimstorm::reference
