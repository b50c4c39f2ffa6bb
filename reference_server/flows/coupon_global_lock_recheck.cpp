// coupon/global-lock/recheck: the article's cure in its sound form.
//
//   1. Read the cache and the user's claims, only to refuse early what is sure already: the counter
//      is lowered behind a COMMIT alone, so zero means that all of the stock is stored.
//      Take the lock: SET key token NX PX ttl, tried again with jittered, growing pauses until
//      `wait` is over (then 503); whoever sees zero while waiting stops waiting.
//   2. (The article decrements the cache here; see below.)
//   3. and 4. One MySQL transaction: read the coupon again, its row locked; refuse if nothing is
//      left or the user has claimed; remaining-1 guarded by remaining > 0, the sold-out mark in the
//      same statement; the claim row; COMMIT.
//   5. Lower the cache to what the database now holds, then release the lock by compare-and-delete.
//
// Follows the coupon article, with what it asks to be thought through: the lock's granularity
// (option), its timeout, what happens after expiry, and deadlock (1213 and 1205: the whole
// transaction again, a bounded number of times).
//
// Guarantees: never more than the stock, never more than `per_user` a user, sold_out exactly when
// remaining is 0, and at rest cache = database = stock - claims. Why it holds:
//   - The lock keeps the crowd away from the database; it is a lease, so nothing depends on it. The
//     locked row does the deciding: a holder whose lease ran out finds the row locked and reads
//     what the other stored.
//   - `remaining` only ever falls, so the cache is written as a minimum: late, repeated and
//     reordered writes all end at the lowest value. A lost reply is therefore simply repeated,
//     and nothing needs to be given back when the transaction fails.
//   - A lost reply to COMMIT is settled by reading back (claim_transaction.h); where that fails
//     too the client is told 500, and the cache is put right by the next claim.
//
// What it cannot do: a crash between COMMIT and step 5 leaves the cache one too high until the next
// claim comes by, whose own reading then lowers it. No unit is sold from it.
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/backoff.h"
#include "reference_server/campaign_store.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_reads.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

constexpr int kCacheWrites = 3;

const Script& lower_to() {
    static const Script script(
        "local now = tonumber(redis.call('GET', KEYS[1]) or '')\n"
        "if not now or tonumber(ARGV[1]) < now then redis.call('SET', KEYS[1], ARGV[1]) end\n"
        "return 1\n");
    return script;
}

class CouponGlobalLockRecheck : public Flow {
  public:
    explicit CouponGlobalLockRecheck(const FlowOptions& options)
        : system_wide_(options.choice("granularity") == "system"),
          ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options.duration("wait")) {}

    void prepare(Context& context, const Campaign& campaign) override {
        Flow::prepare(context, campaign);
        context.redis().command({"DEL", lock_key(campaign.id)});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        if (is_sold_out(context, campaign)) return {Outcome::sold_out};
        if (claims_of(context.mysql(), campaign, user) >= campaign.per_user) {
            return {Outcome::already_claimed};
        }
        context.step("after_read");

        RedisLock lock(context, lock_key(campaign.id), ttl_);
        Backoff backoff(context.random(), std::chrono::microseconds(500),
                        std::chrono::milliseconds(8));
        const auto give_up = std::chrono::steady_clock::now() + wait_;
        while (!lock.try_acquire()) {
            if (std::chrono::steady_clock::now() >= give_up) return {Outcome::throttled};
            std::this_thread::sleep_for(backoff.next());
            if (is_sold_out(context, campaign)) return {Outcome::sold_out};
        }
        context.step("in_lock");

        // Steps 3 and 4.
        Outcome refusal = Outcome::sold_out;
        std::optional<std::int64_t> left;  // as the database will hold it, once known
        const ClaimTransaction stored = run_claim_transaction(context, [&](MysqlConnection& mysql) {
            return store(context, mysql, campaign, user, refusal, left);
        });
        context.step("after_commit");

        // Step 5. Only what a transaction has settled may lower the cache.
        const bool settled = stored.fate == Fate::committed || stored.fate == Fate::refused;
        if (settled && left) lower_cache(context, campaign, *left);
        context.step("before_unlock");
        if (stored.fate == Fate::committed) return granted(stored.claim_id);
        if (stored.fate == Fate::refused) return {refusal};
        throw EnvironmentError(stored.why);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = Flow::evidence();
        evidence["redis"]["locks"] = {lock_key("{campaign}")};
        return evidence;
    }

  private:
    std::string lock_key(std::string_view campaign) const {
        return system_wide_ ? "cs:lock" : key_of(campaign, "lock");
    }

    /// A missing counter proves nothing: then the database is asked.
    static bool is_sold_out(Context& context, const Campaign& campaign) {
        const Reply left = context.redis().command({"GET", remaining_key(campaign.id)});
        return !left.is_nil() && left.integer() <= 0;
    }

    /// Reads again with the row locked, decides, and writes. The id of the claim row, or nullopt
    /// with the reason in `refusal`; `left` is what the row holds afterwards.
    static std::optional<std::uint64_t> store(Context& context, MysqlConnection& mysql,
                                              const Campaign& campaign, std::string_view user,
                                              Outcome& refusal, std::optional<std::int64_t>& left) {
        const auto coupon = mysql.query_one(
            "SELECT remaining FROM campaigns WHERE id = ? FOR UPDATE", {campaign.id});
        if (!coupon) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
        left = coupon->int64("remaining");
        refusal = Outcome::sold_out;
        if (*left <= 0) return std::nullopt;
        // The transaction's first plain read, behind the row lock: it sees all that is committed.
        refusal = Outcome::already_claimed;
        if (claims_of(mysql, campaign, user) >= campaign.per_user) return std::nullopt;
        const MysqlDone sold = mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        if (sold.affected_rows != 1) {
            throw EnvironmentError(
                fmt::format("the coupon '{}' changed while locked", campaign.id));
        }
        --*left;
        const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
        context.step("before_commit");
        return claim_id;
    }

    /// Repeating it does no harm. Where it fails for good the claim is stored nevertheless, and
    /// the next one lowers the cache.
    static void lower_cache(Context& context, const Campaign& campaign, std::int64_t left) {
        for (int attempt = 1; attempt <= kCacheWrites; ++attempt) {
            try {
                lower_to().run(context.redis(), {remaining_key(campaign.id)},
                               {std::to_string(left)});
                return;
            } catch (const RedisError& error) {
                if (!is_connection_lost(error)) return;
            }
        }
    }

    bool system_wide_;
    std::chrono::milliseconds ttl_;
    std::chrono::nanoseconds wait_;
};

}  // namespace

FlowEntry coupon_global_lock_recheck() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/global-lock/recheck";
    entry.about = "The sound lock: owner token, expiry, state read again inside, guarded write.";
    entry.options = {
        choice_option("granularity", "campaign", "one lock for each campaign, or for all of them",
                      {"campaign", "system"}),
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min),
        duration_option("wait", "2s", "how long a claim waits for the lock", 1ms, 1min)};
    entry.sound = true;
    entry.steps = {"after_read", "in_lock", "before_commit", "after_commit", "before_unlock"};
    entry.make = [](const FlowOptions& options) -> std::unique_ptr<Flow> {
        return std::make_unique<CouponGlobalLockRecheck>(options);
    };
    return entry;
}

}  // namespace claimstorm::reference
