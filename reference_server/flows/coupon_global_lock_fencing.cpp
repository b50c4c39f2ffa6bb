// coupon/global-lock/fencing: a token that only grows keeps overtaken holders from writing.
//
//   1. Read the cache and the user's claims, only to refuse early what is sure already (zero in the
//      cache: all of the stock is stored).
//      Take the lock: SET key token NX PX ttl; whoever does not get it tries again, see
//      `lock_wait`.
//   2. Inside the lock, INCR the fence counter in Redis: the fencing token.
//   3. Announce it in MySQL, in a statement of its own: UPDATE coupon_fences SET fence = token
//      WHERE fence < token. Nothing changed: somebody newer was here; begin again.
//      Read the coupon and the user's claims.
//   4. One MySQL transaction: UPDATE coupon_fences SET used = 1 WHERE fence = token AND used = 0 -
//      nothing changed: somebody newer has announced himself, begin again; remaining = what was
//      read minus one, sold out at zero; the claim row; COMMIT.
//   5. Lower the cache to what was stored, release the lock by compare-and-delete.
//
// Follows the coupon article's question of what happens after the lock's expiry, with the answer of
// the literature on distributed locks: number the holders, and let the store refuse the older.
//
// Guarantees: never more than the stock, never more than `per_user` a user, sold_out exactly when
// remaining is 0, at rest cache = database = stock - claims; however short the TTL is. Why it holds
// although step 3 reads without any lock and step 4 writes an absolute number:
//   - Who writes has announced himself before he read, and step 4 locks the announcement: nobody
//     newer can announce himself, and so read, between that and the COMMIT. Who announced himself
//     before it made the write fail; who does so after it reads what it stored.
//   - An announcement must be greater than the last, so no two holders share a token, not even when
//     Redis comes back with an older counter. `used` makes a token good for one claim.
//   - Guarding the write alone is not enough: with tokens 1 and 2 both having read "1 left", 1 may
//     write first and 2 second, each in order. Hence the announcement before the reading.
//
// Under failpoints, at whatever step:
//   - an exception before COMMIT: nothing is stored, the lock is released, the client is told 500;
//     after it: the claim is stored, the cache follows, the client is told 500 (it may ask again).
//   - a crash: the lock expires with its TTL. A crash at after_commit leaves the cache one too high
//     until the next claim comes by, or until reconcile. No unit is sold from it.
//   - a pause longer than the TTL: the next holder's announcement makes the paused one's write
//     fail; it begins again until `wait` is over, then 503. When all are slower than the TTL, all
//     overtake each other and few get through: slow, never wrong. At before_commit the paused one
//     has locked the announcement: the others wait for it to commit, one lock wait timeout (1205)
//     at a time, until `wait` is over, then 503; it is they who are late, not its write that fails.
//   - Redis without its data: tokens would start again below the announced fence; whoever is
//     refused for that raises the counter to it first.
#include <chrono>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/at_scope_end.h"
#include "reference_server/flows/cache_counter.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/flows/lock_wait.h"
#include "reference_server/flows/stock_repair.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

const Script& raise_to() {
    static const Script script(
        "local now = tonumber(redis.call('GET', KEYS[1]) or '0')\n"
        "if now < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1]) end\n"
        "return 1\n");
    return script;
}

class CouponGlobalLockFencing : public Flow {
  public:
    explicit CouponGlobalLockFencing(const FlowOptions& options)
        : ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options) {}

    void create_schema(Context& context) override {
        Flow::create_schema(context);
        context.mysql().execute_text(
            "CREATE TABLE IF NOT EXISTS coupon_fences ("
            " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,"
            " fence BIGINT NOT NULL,"
            " used TINYINT(1) NOT NULL"
            ") ENGINE=InnoDB");
    }

    void prepare(Context& context, const Campaign& campaign) override {
        Flow::prepare(context, campaign);
        context.mysql().execute(
            "REPLACE INTO coupon_fences (campaign_id, fence, used) VALUES (?, 0, 0)",
            {campaign.id});
        context.redis().command({"DEL", key_of(campaign.id, "lock"), key_of(campaign.id, "fence")});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const std::string counter = remaining_key(campaign.id);
        if (is_empty_in_cache(context, counter)) return {Outcome::sold_out};
        if (claims_of(context.mysql(), campaign, user) >= campaign.per_user) {
            return {Outcome::already_claimed};
        }
        context.step("after_read");

        LockSpin spin(context, wait_);
        while (true) {
            if (auto result = try_once(context, campaign, user)) return *result;
            if (!spin.pause()) return {Outcome::throttled};
            if (is_empty_in_cache(context, counter)) return {Outcome::sold_out};
        }
    }

    std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                    const Campaign& campaign) override {
        raise_fence(context, campaign);
        return reconcile_whole_stock(context, campaign);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = Flow::evidence();
        evidence["redis"]["locks"] = {key_of("{campaign}", "lock")};
        return evidence;
    }

  private:
    struct Coupon {
        std::int64_t remaining = 0;
        bool user_has_claimed = false;
    };

    /// nullopt: somebody else holds the lock, or has overtaken this holder.
    std::optional<ClaimResult> try_once(Context& context, const Campaign& campaign,
                                        std::string_view user) const {
        RedisLock lock(context, key_of(campaign.id, "lock"), ttl_);
        if (!lock.try_acquire()) return std::nullopt;
        context.step("in_lock");
        // Step 2.
        const std::int64_t token =
            context.redis().command({"INCR", key_of(campaign.id, "fence")}).integer();
        context.step("after_token");
        // Step 3.
        try {
            if (!announce(context.mysql(), campaign, token)) {
                raise_fence(context, campaign);
                return std::nullopt;
            }
        } catch (const MysqlError& error) {
            // Somebody is about to commit and holds the announcement: as good as overtaken.
            if (!is_lock_wait_timeout(error) && !is_deadlock(error)) throw;
            return std::nullopt;
        }
        context.step("after_announce");
        const Coupon coupon = read(context.mysql(), campaign, user);
        context.step("after_recheck");
        // Both stay true whoever has come meanwhile.
        if (coupon.remaining <= 0) {
            lower_in_cache(context, remaining_key(campaign.id), coupon.remaining);
            return ClaimResult{Outcome::sold_out};
        }
        if (coupon.user_has_claimed) return ClaimResult{Outcome::already_claimed};
        auto result = store(context, campaign, user, token, coupon.remaining - 1);
        context.step("before_unlock");
        return result;
    }

    static bool announce(MysqlConnection& mysql, const Campaign& campaign, std::int64_t token) {
        return mysql
                   .execute(
                       "UPDATE coupon_fences SET fence = ?, used = 0"
                       " WHERE campaign_id = ? AND fence < ?",
                       {token, campaign.id, token})
                   .affected_rows == 1;
    }

    static void raise_fence(Context& context, const Campaign& campaign) {
        const auto row = context.mysql().query_one(
            "SELECT fence FROM coupon_fences WHERE campaign_id = ?", {campaign.id});
        if (!row) throw EnvironmentError(fmt::format("the coupon '{}' has no fence", campaign.id));
        raise_to().run(context.redis(), {key_of(campaign.id, "fence")},
                       {std::to_string(row->int64("fence"))});
    }

    static Coupon read(MysqlConnection& mysql, const Campaign& campaign, std::string_view user) {
        const auto row =
            mysql.query_one("SELECT remaining FROM campaigns WHERE id = ?", {campaign.id});
        if (!row) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
        return {row->int64("remaining"), claims_of(mysql, campaign, user) >= campaign.per_user};
    }

    /// Steps 4 and 5. nullopt: overtaken, nothing is stored.
    static std::optional<ClaimResult> store(Context& context, const Campaign& campaign,
                                            std::string_view user, std::int64_t token,
                                            std::int64_t left) {
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                const MysqlDone guard = mysql.execute(
                    "UPDATE coupon_fences SET used = 1"
                    " WHERE campaign_id = ? AND fence = ? AND used = 0",
                    {campaign.id, token});
                if (guard.affected_rows != 1) return std::nullopt;
                mysql.execute("UPDATE campaigns SET remaining = ?, sold_out = ? WHERE id = ?",
                              {left, left == 0 ? 1 : 0, campaign.id});
                const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
                context.step("before_commit");
                return claim_id;
            },
            is_in_claims(campaign, user));
        {
            // Step 5, also when the step between throws.
            const AtScopeEnd follow([&] {
                if (stored.fate == Fate::committed) {
                    lower_in_cache(context, remaining_key(campaign.id), left);
                }
            });
            context.step("after_commit");
        }
        if (stored.fate == Fate::refused) return std::nullopt;
        return answer(stored, Outcome::throttled);
    }

    std::chrono::milliseconds ttl_;
    LockWait wait_;
};

}  // namespace

FlowEntry coupon_global_lock_fencing() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/fencing";
    entry.about = "A growing token guards the write: sound however short the lock's TTL is.";
    entry.options = LockWait::options();
    entry.options.push_back(
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min));
    entry.sound = true;
    entry.steps = {"after_read",    "in_lock",       "after_token",  "after_announce",
                   "after_recheck", "before_commit", "after_commit", "before_unlock"};
    entry.make = make_flow<CouponGlobalLockFencing>;
    return entry;
}

}  // namespace claimstorm::reference
