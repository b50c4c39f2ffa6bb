// coupon/lazy-cache: the counter is loaded by whoever finds it missing.
//
//   1. GET the counter. Missing: SELECT remaining from the coupon's row, SET it in the cache. At
//      zero: sold out.
//   2. DECR. Below zero: INCR, sold out.
//   3. and 4. One MySQL transaction: the claim row, in a table with a unique key over coupon and
//      user: refused as a duplicate, the user has claimed. remaining-1 guarded by remaining > 0
//      (nobody looks at the affected rows: the cache has decided), the sold-out mark in the same
//      statement.
//   5. If the transaction fails or refuses: INCR.
//
// Found in public code: cache-aside, as it is right for things that are read, used for a counter.
//
// With `cache=warm` the campaign starts with its counter set; `cold`, the default, leaves it to the
// first claim, as a deployment, an eviction or an expiry does.
//
// Guarantees one claim a user; with a warm cache and as long as no key is lost, also never more
// claims than stock, since DECR alone decides.
//
// What breaks it on a cold cache, without any fault: several claims miss and read the same value
// from the database. The first one's SET and all the DECRs behind it are undone by the next one's
// late SET (after_select): those units are sold again. More claims than stock, while both counters
// end at exactly 0.

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponLazyCache : public CouponFlow {
  public:
    explicit CouponLazyCache(const FlowOptions& options)
        : CouponFlow(Counter::in_cache, ClaimTable::unique_claims),
          starts_cold_(options.choice("cache") == "cold") {}

    void prepare(Context& context, const Campaign& campaign) override {
        CouponFlow::prepare(context, campaign);
        if (starts_cold_) context.redis().command({"DEL", remaining_key(campaign.id)});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        const std::string counter = remaining_key(campaign.id);
        // Step 1.
        if (left_in_cache(context, campaign) <= 0) return {Outcome::sold_out};
        context.step("after_read");
        // Step 2.
        if (context.redis().command({"DECR", counter}).integer() < 0) {
            context.redis().command({"INCR", counter});
            return {Outcome::sold_out};
        }
        std::optional<std::uint64_t> claim_id;
        try {
            context.step("after_decrement");
            claim_id = store(context, campaign, user);
        } catch (...) {
            context.redis().command({"INCR", counter});  // step 5
            throw;
        }
        if (!claim_id) {
            context.redis().command({"INCR", counter});  // step 5
            return {Outcome::already_claimed};
        }
        context.step("after_commit");
        return granted(*claim_id);
    }

  private:
    static std::int64_t left_in_cache(Context& context, const Campaign& campaign) {
        const std::string counter = remaining_key(campaign.id);
        const Reply cached = context.redis().command({"GET", counter});
        if (!cached.is_nil()) return cached.integer();
        const std::int64_t left = database_remaining(context.mysql(), campaign);
        context.step("after_select");
        context.redis().command({"SET", counter, std::to_string(left)});
        return left;
    }

    /// Steps 3 and 4. nullopt: the user has claimed before.
    static std::optional<std::uint64_t> store(Context& context, const Campaign& campaign,
                                              std::string_view user) {
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        const auto claim_id = insert_unique_claim(mysql, campaign, user);
        if (!claim_id) return std::nullopt;
        mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        context.step("before_commit");
        transaction.commit();
        return claim_id;
    }

    bool starts_cold_;
};

}  // namespace

FlowEntry coupon_lazy_cache() {
    FlowEntry entry;
    entry.name = "coupon/lazy-cache";
    entry.about = "GET miss, SELECT, SET, then DECR: late SETs undo decrements on a cold cache.";
    entry.options = {choice_option(
        "cache", "cold", "whether a campaign starts with its counter set", {"cold", "warm"})};
    entry.steps = {"after_select", "after_read", "after_decrement", "before_commit",
                   "after_commit"};
    entry.make = make_flow<CouponLazyCache>;
    return entry;
}

}  // namespace claimstorm::reference
