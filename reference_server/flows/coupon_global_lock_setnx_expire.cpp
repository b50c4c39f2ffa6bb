// coupon/global-lock/setnx-expire: the lock gets its expiry in a second command.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//      Take the lock: SETNX key token, then PEXPIRE key ttl.
//   2. to 4. Inside the lock, one MySQL transaction: read the coupon again; remaining-1, sold out
//      at zero; the claim row; COMMIT. Then set the cache to what was stored.
//   5. Release the lock by compare-and-delete. A transaction that fails is rolled back before that,
//      and has not touched the cache.
//
// Follows the coupon article's "give the lock a timeout", in the form found over and over in public
// code: SETNX has no room for an expiry, so EXPIRE comes behind it. SET key token NX PX ttl does
// both at once.
//
// Guarantees, while no process dies between the two commands: never more than the stock, nobody
// twice, counters that agree. An exception there does no harm, the lock is released.
//
// What breaks it: a crash between SETNX and PEXPIRE (step after_setnx). The lock has an owner who
// is gone and no expiry (PTTL -1): nobody claims any more, until somebody deletes the key by hand.
#include <chrono>
#include <string>

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

/// Right in all but one thing: it is taken in two commands.
class TwoCommandLock {
  public:
    TwoCommandLock(Context& context, std::string key, std::chrono::milliseconds ttl)
        : context_(context),
          key_(std::move(key)),
          ttl_ms_(std::to_string(ttl.count())),
          token_(context.unique_token()) {}

    ~TwoCommandLock() {
        try {
            if (maybe_held_) compare_and_delete(context_, key_, token_);
        } catch (const RedisError&) {  // NOLINT(bugprone-empty-catch): the expiry ends it
        }
    }
    TwoCommandLock(const TwoCommandLock&) = delete;
    TwoCommandLock& operator=(const TwoCommandLock&) = delete;

    bool try_acquire() {
        maybe_held_ = true;
        maybe_held_ = context_.redis().command({"SETNX", key_, token_}).integer() == 1;
        if (!maybe_held_) return false;
        context_.step("after_setnx");
        context_.redis().command({"PEXPIRE", key_, ttl_ms_});
        return true;
    }

  private:
    Context& context_;
    std::string key_;
    std::string ttl_ms_;
    std::string token_;
    bool maybe_held_ = false;
};

class CouponGlobalLockSetnxExpire : public LockedCouponFlow {
  public:
    explicit CouponGlobalLockSetnxExpire(const FlowOptions& options)
        : ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        TwoCommandLock lock(context, lock_key(campaign.id), ttl_);
        LockSpin spin(context, wait_);
        while (!lock.try_acquire()) {
            if (!spin.pause()) return {Outcome::throttled};
            if (is_empty_in_cache(context, remaining_key(campaign.id))) return {Outcome::sold_out};
        }
        context.step("in_lock");
        // Steps 2 to 4; step 5 is the lock's destructor.
        ClaimResult result = sell_trusting_the_lock(context, campaign, user);
        context.step("before_unlock");
        return result;
    }

  private:
    std::chrono::milliseconds ttl_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock_setnx_expire() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/setnx-expire";
    entry.about = "SETNX, then EXPIRE: a crash in between leaves the lock for ever.";
    entry.options = LockWait::options();
    entry.options.push_back(
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min));
    entry.steps = {"after_read",    "after_setnx",  "in_lock",      "after_recheck",
                   "before_commit", "after_commit", "before_unlock"};
    entry.make = make_flow<CouponGlobalLockSetnxExpire>;
    return entry;
}

}  // namespace claimstorm::reference
