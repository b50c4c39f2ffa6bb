// coupon/decr-no-restore: DECR, below zero means sold out, and nothing ever comes back.
//
//   1. and 2. DECR the cache. Below zero: sold out.
//   3. and 4. One MySQL transaction: the claim row, in a table with a unique key over coupon and
//      user: refused as a duplicate, the user has claimed. remaining-1 guarded by remaining > 0,
//      the sold-out mark in the same statement.
//   (5. is missing: no unit goes back to the cache, whatever becomes of the claim.)
//
// Found in public code: DECR is atomic, so the flow is thought to be done.
//
// Guarantees never more claims than stock, and one claim a user.
//
// What breaks it, without any fault or even a race: a second click takes a unit from the cache and
// is then refused by the unique key; the unit is gone. The cache is at zero while the database
// still has units, and everybody else is told "sold out" (undersell, false sold-out). Each such
// refusal lowers the counter further below zero, so that not even giving a unit back would help. A
// failed transaction or a crash behind the DECR does the same.

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponDecrNoRestore : public CouponFlow {
  public:
    CouponDecrNoRestore() : CouponFlow(Counter::in_cache, ClaimTable::unique_claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Steps 1 and 2.
        const std::int64_t left =
            context.redis().command({"DECR", remaining_key(campaign.id)}).integer();
        if (left < 0) return {Outcome::sold_out};
        context.step("after_decrement");
        // Steps 3 and 4.
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        const auto claim_id = insert_unique_claim(mysql, campaign, user);
        if (!claim_id) return {Outcome::already_claimed};
        const MysqlDone sold = mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        if (sold.affected_rows != 1) return {Outcome::sold_out};
        context.step("before_commit");
        transaction.commit();
        context.step("after_commit");
        return granted(*claim_id);
    }
};

}  // namespace

FlowEntry coupon_decr_no_restore() {
    FlowEntry entry;
    entry.name = "coupon/decr-no-restore";
    entry.about = "DECR, negative means sold out: what double clicks take never comes back.";
    entry.steps = {"after_decrement", "before_commit", "after_commit"};
    entry.make = make_flow<CouponDecrNoRestore>;
    return entry;
}

}  // namespace claimstorm::reference
