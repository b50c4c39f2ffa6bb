// coupon/guarded-update/unchecked: the guard refuses, and nobody looks.
//
//   1. Read what is left, without a lock: nothing, refuse.
//   2. START TRANSACTION; the claim row, in a table with a unique key over coupon and user: refused
//      as a duplicate, the user has claimed.
//   3. UPDATE … SET remaining = remaining - 1 WHERE remaining > 0, the sold-out mark in the same
//      statement.
//   4. COMMIT; granted.
//
// Found in public code: the statement of coupon/guarded-update, copied without the line behind it
// that looks at the affected rows.
//
// Guarantees one claim a user, and that remaining never falls below zero: which hides the rest.
//
// What breaks it, without any fault: all claims that have read "1 left" in step 1 store their row;
// one of them lowers remaining, for the others step 3 changes nothing and succeeds. More claims
// than stock, with remaining at exactly 0.

#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponGuardedUpdateUnchecked : public CouponFlow {
  public:
    CouponGuardedUpdateUnchecked() : CouponFlow(Counter::none, ClaimTable::unique_claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        // Step 1.
        if (database_remaining(mysql, campaign) <= 0) return {Outcome::sold_out};
        context.step("after_read");
        // Step 2.
        Transaction transaction(mysql);
        const auto claim_id = insert_unique_claim(mysql, campaign, user);
        if (!claim_id) return {Outcome::already_claimed};
        context.step("after_insert");
        // Step 3.
        mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        context.step("before_commit");
        // Step 4.
        transaction.commit();
        context.step("after_commit");
        return granted(*claim_id);
    }
};

}  // namespace

FlowEntry coupon_guarded_update_unchecked() {
    FlowEntry entry;
    entry.name = "coupon/guarded-update/unchecked";
    entry.about = "UPDATE … WHERE remaining > 0, and nobody looks at the affected rows.";
    entry.steps = {"after_read", "after_insert", "before_commit", "after_commit"};
    entry.make = make_flow<CouponGuardedUpdateUnchecked>;
    return entry;
}

}  // namespace claimstorm::reference
