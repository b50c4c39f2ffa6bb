// coupon/global-lock: the article's cure, as the article writes it.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//      Take the global lock with SETNX; whoever does not get it tries again until `wait` is over
//      (lock_wait=none: gives up at once).
//   2. Decrement the cache.
//   3. At zero, mark the coupon sold out.
//   4. One MySQL transaction: remaining-1 and the claim row. On success release the lock.
//   5. If step 4 fails: release the lock and cache+1.
//
// Follows the coupon article: the lock key holds no owner, never expires, and what step 1 read is
// not read again once the lock is held.
//
// Guarantees that steps 2 to 4 of two claims never overlap.
//
// What breaks it:
//   - What step 1 read is stale by the time the lock is held. All that waited with "1 left" or
//     "not claimed" in hand go through one after the other: oversell, and two rows for a user who
//     clicked twice.
//   - A crash while the lock is held leaves it for ever (PTTL -1): nobody claims any more.
//   - Step 5 gives the unit back after the release: the next holder may take the cache to zero and
//     mark the coupon sold out while a unit is on its way back.

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/locked_coupon_flow.h"

namespace claimstorm::reference {
namespace {

class CouponGlobalLock : public LockedCouponFlow {
  public:
    explicit CouponGlobalLock(const FlowOptions& options) : wait_(options) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        if (!lock(context, campaign)) return {Outcome::throttled};
        context.step("in_lock");
        std::uint64_t claim_id = 0;
        try {
            // Step 2.
            const std::int64_t left =
                context.redis().command({"DECR", remaining_key(campaign.id)}).integer();
            context.step("after_decrement");
            // Step 3.
            MysqlConnection& mysql = context.mysql();
            if (left == 0) {
                mysql.execute("UPDATE campaigns SET sold_out = 1 WHERE id = ?", {campaign.id});
            }
            // Step 4.
            Transaction transaction(mysql);
            mysql.execute("UPDATE campaigns SET remaining = remaining - 1 WHERE id = ?",
                          {campaign.id});
            claim_id = insert_claim(mysql, campaign, user);
            context.step("before_commit");
            transaction.commit();
        } catch (...) {
            // Step 5, in the article's order.
            unlock(context, campaign);
            context.step("after_unlock");
            context.redis().command({"INCR", remaining_key(campaign.id)});
            throw;
        }
        context.step("before_unlock");
        unlock(context, campaign);
        return granted(claim_id);
    }

  private:
    bool lock(Context& context, const Campaign& campaign) const {
        LockSpin spin(context, wait_);
        while (context.redis().command({"SETNX", lock_key(campaign.id), "1"}).integer() == 0) {
            if (!spin.pause()) return false;
        }
        return true;
    }

    static void unlock(Context& context, const Campaign& campaign) {
        context.redis().command({"DEL", lock_key(campaign.id)});
    }

    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock() {
    FlowEntry entry;
    entry.name = "coupon/global-lock";
    entry.about =
        "SETNX after the read, as the article writes it: no owner, no expiry, no recheck.";
    entry.options = LockWait::options();
    entry.steps = {"after_read",    "in_lock",       "after_decrement",
                   "before_commit", "before_unlock", "after_unlock"};
    entry.make = make_flow<CouponGlobalLock>;
    return entry;
}

}  // namespace claimstorm::reference
