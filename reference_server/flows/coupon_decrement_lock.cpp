// coupon/decrement-lock: a lock around the cache decrement, and around nothing else.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//   2. Take the lock; look at the cache again and decrement it; release the lock.
//   3. At zero, mark the coupon sold out.
//   4. One MySQL transaction: remaining, as read in step 1, minus one; the claim row.
//   5. If step 4 fails: cache+1, and the transaction is rolled back.
//
// Follows the coupon article's first idea of a lock, and its own criticism of it: the decrements
// stand in line, the database transactions behind them still race. The lock itself is faultless:
// owner token, expiry, compare-and-delete.
//
// Guarantees that the cache never falls below zero, so never more claims than stock. That is all
// the lock covers.
//
// What breaks it, without any fault:
//   - The two clicks of one user both read "not claimed" in step 1; each gets a unit from the
//     cache, and both are stored: two rows.
//   - Two claims read "100 left" and both store 99: one update is lost. The cache says 0 and the
//     database says units are left that nobody can claim (C and D part). `write=relative` stores
//     remaining-1 instead and cures this one, not the first.
//   - A crash between 2 and 4, or a lost reply to COMMIT followed by step 5, leaves the cache off.
#include <chrono>

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/locked_coupon_flow.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

class CouponDecrementLock : public LockedCouponFlow {
  public:
    explicit CouponDecrementLock(const FlowOptions& options)
        : writes_absolute_(options.choice("write") == "absolute"),
          ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        // Step 2.
        RedisLock lock(context, lock_key(campaign.id), ttl_);
        LockSpin spin(context, wait_);
        while (!lock.try_acquire()) {
            if (!spin.pause()) return {Outcome::throttled};
        }
        context.step("in_lock");
        RedisConnection& redis = context.redis();
        if (redis.command({"GET", remaining_key(campaign.id)}).integer() <= 0) {
            return {Outcome::sold_out};
        }
        const std::int64_t left = redis.command({"DECR", remaining_key(campaign.id)}).integer();
        lock.release();
        context.step("after_decrement");

        std::uint64_t claim_id = 0;
        try {
            claim_id = store(context, campaign, user, coupon, left);
        } catch (...) {
            // Step 5; the transaction was rolled back when it went out of scope.
            context.redis().command({"INCR", remaining_key(campaign.id)});
            throw;
        }
        context.step("after_commit");
        return granted(claim_id);
    }

  private:
    std::uint64_t store(Context& context, const Campaign& campaign, std::string_view user,
                        const CouponAsRead& coupon, std::int64_t left) const {
        MysqlConnection& mysql = context.mysql();
        // Step 3.
        if (left == 0) {
            mysql.execute("UPDATE campaigns SET sold_out = 1 WHERE id = ?", {campaign.id});
        }
        // Step 4.
        Transaction transaction(mysql);
        if (writes_absolute_) {
            mysql.execute("UPDATE campaigns SET remaining = ? WHERE id = ?",
                          {coupon.database_remaining - 1, campaign.id});
        } else {
            mysql.execute("UPDATE campaigns SET remaining = remaining - 1 WHERE id = ?",
                          {campaign.id});
        }
        const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
        context.step("before_commit");
        transaction.commit();
        return claim_id;
    }

    bool writes_absolute_;
    std::chrono::milliseconds ttl_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_decrement_lock() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/decrement-lock";
    entry.about = "A lock around the cache decrement alone: the transactions behind it still race.";
    entry.options = LockWait::options();
    entry.options.push_back(choice_option(
        "write", "absolute", "how step 4 writes: what was read minus one, or remaining-1",
        {"absolute", "relative"}));
    entry.options.push_back(
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min));
    entry.steps = {"after_read", "in_lock", "after_decrement", "before_commit", "after_commit"};
    entry.make = make_flow<CouponDecrementLock>;
    return entry;
}

}  // namespace claimstorm::reference
