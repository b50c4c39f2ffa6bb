// coupon/global-lock/watchdog: a thread renews the lock for as long as it is held.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//      Take the lock: SET key token NX PX ttl, and enter it in the table of held locks.
//   2. to 4. Inside the lock, one MySQL transaction: read the coupon again; remaining-1, sold out
//      at zero; the claim row; COMMIT. Then set the cache to what was stored.
//   5. Strike it from the table and release it by compare-and-delete.
//
//   Beside the claims, every `renew`: set each lock in the table to expire in `ttl` again, if it
//   still holds its owner's token.
//
// Follows the coupon article's question of what happens when the timeout is shorter than the work,
// with the answer of the well-known lock libraries: renew it in the background.
//
// Guarantees never more than the stock and nobody twice, as long as the watchdog comes in time: a
// transaction may take as long as it likes, and a crash frees the lock within `ttl`.
//
// What breaks it: a watchdog that stalls for longer than `ttl` - a pause of the process, a thread
// pool without a free thread, a Redis that does not answer (a pause at before_renewal) - while a
// transaction takes that long. The lock expires, a second holder enters, both have read "7 left"
// and both store 6. Nothing at the write notices, for safety rests on timeliness alone. Compare
// coupon/global-lock/fencing.
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
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

const Script& renew_script() {
    static const Script script(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end\n"
        "return redis.call('PEXPIRE', KEYS[1], ARGV[2])\n");
    return script;
}

/// The locks this server holds, shared by the workers and the watchdog.
class HeldLocks {
  public:
    void add(const RedisLock& lock) {
        const std::lock_guard guard(mutex_);
        keys_.emplace(lock.token(), lock.key());
    }
    void remove(const RedisLock& lock) {
        const std::lock_guard guard(mutex_);
        keys_.erase(lock.token());
    }
    /// Their keys, by their tokens.
    std::map<std::string, std::string> all() {
        const std::lock_guard guard(mutex_);
        return keys_;
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::string> keys_;
};

/// In the table for as long as this lives.
class Watched {
  public:
    Watched(HeldLocks& table, const RedisLock& lock) : table_(table), lock_(lock) {
        table_.add(lock_);
    }
    ~Watched() { table_.remove(lock_); }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

  private:
    HeldLocks& table_;
    const RedisLock& lock_;
};

class CouponGlobalLockWatchdog : public LockedCouponFlow {
  public:
    explicit CouponGlobalLockWatchdog(const FlowOptions& options)
        : ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          renew_(options.duration("renew")),
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
        const Watched watched(held_, lock);
        context.step("in_lock");
        // Steps 2 to 4; step 5 are the two destructors.
        ClaimResult result = sell_trusting_the_lock(context, campaign, user);
        context.step("before_unlock");
        return result;
    }

    std::vector<BackgroundWork> background() override {
        return {{"watchdog", [this](Context& context, const std::stop_token& stop) {
                     std::mutex alone;
                     std::unique_lock waiting(alone);
                     std::condition_variable_any clock;
                     while (!clock.wait_for(waiting, stop, renew_,
                                            [&] { return stop.stop_requested(); })) {
                         context.step("before_renewal");
                         renew(context);
                     }
                 }}};
    }

  private:
    void renew(Context& context) {
        for (const auto& [token, key] : held_.all()) {
            renew_script().run(context.redis(), {key}, {token, std::to_string(ttl_.count())});
        }
    }

    std::chrono::milliseconds ttl_;
    std::chrono::nanoseconds renew_;
    LockWait wait_;
    HeldLocks held_;
};

}  // namespace

FlowEntry coupon_global_lock_watchdog() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/watchdog";
    entry.about = "A thread renews the held locks: right for as long as it comes in time.";
    entry.options = LockWait::options();
    entry.options.push_back(
        duration_option("ttl", "1s", "when a lock nobody renews expires", 1ms, 10min));
    entry.options.push_back(
        duration_option("renew", "300ms", "how often held locks are renewed", 1ms, 10min));
    entry.steps = {"after_read",    "in_lock",      "after_recheck",
                   "before_commit", "after_commit", "before_unlock"};
    entry.background_steps = {"before_renewal"};
    entry.make = make_flow<CouponGlobalLockWatchdog>;
    return entry;
}

}  // namespace claimstorm::reference
