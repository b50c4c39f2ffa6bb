// coupon/global-lock/early-unlock: everything right, but released before COMMIT.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//      Take the lock: SET key token NX PX ttl.
//   2. to 4. Inside the lock, one MySQL transaction: read the coupon again; remaining-1, sold out
//      at zero; the claim row.
//   5. Release the lock by compare-and-delete.
//      COMMIT. Then set the cache to what was stored.
//
// Follows no article; public code does it over and over, mostly unseen: the lock is taken and
// released inside a method whose transaction an annotation or a middleware opens before it and
// commits behind it.
//
// Guarantees nothing: the lock covers the reading and the writing, not what makes the writing seen.
//
// What breaks it, without any fault: between release and COMMIT (step before_commit) the next
// holder reads the state from before. It waits for the row, then stores the same number again: the
// unit is sold twice and an update is lost; or it does not see the user's row and stores a second.
#include <chrono>

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/cache_counter.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/locked_coupon_flow.h"
#include "reference_server/flows/trusting_sale.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

class CouponGlobalLockEarlyUnlock : public LockedCouponFlow {
  public:
    explicit CouponGlobalLockEarlyUnlock(const FlowOptions& options)
        : ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        RedisLock lock(context, lock_key(campaign.id), ttl_);
        LockSpin spin(context, wait_);
        while (!lock.try_acquire()) {
            if (!spin.pause()) return {Outcome::throttled};
            if (is_empty_in_cache(context, remaining_key(campaign.id))) return {Outcome::sold_out};
        }
        context.step("in_lock");
        // Steps 2 to 5: the lock is gone when all is written, the COMMIT comes behind.
        return sell_trusting_the_lock(context, campaign, user, [&] {
            context.step("before_unlock");
            lock.release();
        });
    }

  private:
    std::chrono::milliseconds ttl_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock_early_unlock() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/early-unlock";
    entry.about = "A sound lock released before COMMIT: the next holder reads the old state.";
    entry.options = LockWait::options();
    entry.options.push_back(
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min));
    entry.steps = {"after_read",    "in_lock",       "after_recheck",
                   "before_unlock", "before_commit", "after_commit"};
    entry.make = make_flow<CouponGlobalLockEarlyUnlock>;
    return entry;
}

}  // namespace claimstorm::reference
