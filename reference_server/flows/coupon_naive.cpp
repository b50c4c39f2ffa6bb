// coupon/naive: the article's five steps without any lock.
//
//   1. Read the coupon: status, remaining, has this user claimed.
//   2. Decrement the cache.
//   3. At zero, mark the coupon sold out.
//   4. One MySQL transaction: remaining-1 and the claim row.
//   5. If step 4 fails: cache+1, and the transaction is rolled back.
//
// Follows the coupon article as written. With `write=absolute` step 4 stores "what I read, minus
// one", as an ORM that saves the whole object does.
//
// Guarantees nothing under concurrency; one claim after the other is right.
//
// What breaks it, without any fault:
//   - Two claims read "1 left", both decrement (1, 0, -1), both store: one claim too many, and both
//     counters end at -1. With absolute writes the update of one is lost, and `remaining` stays
//     at or above zero, which hides it.
//   - The two clicks of one user both read "not claimed" before either has stored: two rows.
//   - A crash between 2 and 4, or a lost reply to COMMIT followed by step 5, leaves the cache off.

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponNaive : public Flow {
  public:
    explicit CouponNaive(const FlowOptions& options)
        : writes_absolute_(options.choice("write") == "absolute") {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const CouponAsRead coupon = read_coupon(context, campaign, user);
        if (coupon.sold_out || coupon.cache_remaining <= 0) return {Outcome::sold_out};
        if (coupon.user_has_claimed) return {Outcome::already_claimed};
        context.step("after_read");

        // Step 2.
        RedisConnection& redis = context.redis();
        const std::int64_t left = redis.command({"DECR", remaining_key(campaign.id)}).integer();
        context.step("after_decrement");

        std::uint64_t claim_id = 0;
        try {
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
            claim_id = insert_claim(mysql, campaign, user);
            context.step("before_commit");
            transaction.commit();
        } catch (...) {
            // Step 5; the transaction was rolled back when it went out of scope.
            context.redis().command({"INCR", remaining_key(campaign.id)});
            throw;
        }
        context.step("after_commit");
        return granted(claim_id);
    }

  private:
    bool writes_absolute_;
};

}  // namespace

FlowEntry coupon_naive() {
    FlowEntry entry;
    entry.name = "coupon/naive";
    entry.about = "Read, check, write without a lock: the oversell everybody starts with.";
    entry.options = {choice_option("write", "relative",
                                   "how step 4 writes: remaining-1, or what was read minus one",
                                   {"relative", "absolute"})};
    entry.steps = {"after_read", "after_decrement", "before_commit", "after_commit"};
    entry.make = make_flow<CouponNaive>;
    return entry;
}

}  // namespace claimstorm::reference
