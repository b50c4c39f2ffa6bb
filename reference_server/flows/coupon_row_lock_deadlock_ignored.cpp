// coupon/row-lock/deadlock-ignored: the row that is locked does not exist, and 1213 is swallowed.
//
//   1. START TRANSACTION; SELECT the user's claim FOR UPDATE, to keep a second click out.
//   2. There is one: refuse. Nothing left in the coupon's row: refuse.
//   3. The claim row. An exception here is logged, and the claim goes on: "the row is there
//      already, or it will be".
//   4. remaining-1 guarded by remaining > 0, the sold-out mark in the same statement.
//   5. COMMIT; granted.
//
// Found in public code, in both halves: FOR UPDATE on a row that is still missing, and a catch
// around the INSERT that takes every exception for a duplicate.
//
// Guarantees never more claims than the stock, since step 4 is guarded, and nothing else.
//
// What breaks it, without any fault: FOR UPDATE on a missing row locks the gap where it would be,
// and any number of transactions hold the same gap at once. Two claims of different users meet
// behind step 1; each one's INSERT waits for the other's gap: InnoDB rolls one of them back *whole*
// (1213). Its transaction is gone, so its step 4 runs in autocommit and sticks, its COMMIT commits
// nothing, and its client is told "granted": a lost claim, and a unit that nobody has.

#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponRowLockDeadlockIgnored : public CouponFlow {
  public:
    CouponRowLockDeadlockIgnored() : CouponFlow(Counter::none, ClaimTable::claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        // Step 1.
        const auto earlier =
            mysql.query("SELECT id FROM claims WHERE campaign_id = ? AND user_id = ? FOR UPDATE",
                        {campaign.id, user});
        context.step("in_lock");
        // Step 2.
        if (static_cast<std::int64_t>(earlier.size()) >= campaign.per_user) {
            return {Outcome::already_claimed};
        }
        if (database_remaining(mysql, campaign) <= 0) return {Outcome::sold_out};
        // Step 3.
        std::uint64_t claim_id = 0;
        try {
            claim_id = insert_claim(mysql, campaign, user);
        } catch (const MysqlError& error) {
            if (!is_deadlock(error)) throw;
            context.step("after_deadlock");
        }
        // Step 4.
        const MysqlDone sold = mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        if (sold.affected_rows != 1) return {Outcome::sold_out};
        context.step("before_commit");
        // Step 5.
        transaction.commit();
        context.step("after_commit");
        return granted(claim_id);
    }
};

}  // namespace

FlowEntry coupon_row_lock_deadlock_ignored() {
    FlowEntry entry;
    entry.name = "coupon/row-lock/deadlock-ignored";
    entry.about = "A deadlock's victim goes on as if only one statement had failed.";
    entry.steps = {"in_lock", "after_deadlock", "before_commit", "after_commit"};
    entry.make = make_flow<CouponRowLockDeadlockIgnored>;
    return entry;
}

}  // namespace claimstorm::reference
