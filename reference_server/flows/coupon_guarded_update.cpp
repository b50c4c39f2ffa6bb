// coupon/guarded-update: the write itself asks whether anything is left.
//
//   1. Read what is left, without a lock, only to refuse early what is sure: it never rises.
//   2. START TRANSACTION; the claim row, in a table with a unique key over coupon and user: refused
//      as a duplicate, the user has claimed.
//   3. UPDATE … SET remaining = remaining - 1 WHERE remaining > 0, the sold-out mark in the same
//      statement. No row affected: nothing is left; ROLLBACK takes the claim row back.
//   4. COMMIT.
//
// Follows no article; it is what public code recommends against oversell. There is no cache.
//
// Guarantees: never more than the stock, one claim a user, remaining = stock - claims and sold_out
// exactly when remaining is 0, at every moment. Why it holds:
//   - The UPDATE reads the newest row under its lock and writes in the same step; whether it did is
//     told by the affected rows, which are looked at.
//   - The unique key does not depend on what anybody read: a second click waits until the first
//     one's transaction is over, then is a duplicate, or the first.
//   - The row all claims share is locked last, and for the length of a COMMIT.
//   - A deadlock (1213; three clicks of one user of which the first is rolled back are enough) or a
//     lock wait timeout (1205) costs the whole transaction, which runs again a bounded number of
//     times (claim_transaction.h); then the client is told 503, and nothing is stored.
//   - A lost reply to COMMIT is settled by reading back.
//
// What it promises under faults: everything, for all there is to lose is one transaction.
//   - An exception at after_read, after_insert or before_commit: nothing is stored, 500. At
//     after_commit: 500, although the claim is stored: recovered when the client asks again.
//   - A crash: the same; InnoDB rolls back what was open.
//   - A pause at before_commit holds up every claim of the coupon, one at after_insert the other
//     clicks of that user.
//   - A lost reply: the client does not know; asking again tells "already claimed".

#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponGuardedUpdate : public CouponFlow {
  public:
    CouponGuardedUpdate() : CouponFlow(Counter::none, ClaimTable::unique_claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1. Once the stock is gone, a duplicate is refused as sold out.
        if (database_remaining(context.mysql(), campaign) <= 0) return {Outcome::sold_out};
        context.step("after_read");

        Outcome refusal = Outcome::sold_out;
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                // Step 2.
                const auto claim_id = insert_unique_claim(mysql, campaign, user);
                refusal = Outcome::already_claimed;
                if (!claim_id) return std::nullopt;
                context.step("after_insert");
                // Step 3.
                const MysqlDone sold = mysql.execute(
                    "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
                    " WHERE id = ? AND remaining > 0",
                    {campaign.id});
                refusal = Outcome::sold_out;
                if (sold.affected_rows != 1) return std::nullopt;
                context.step("before_commit");
                return claim_id;  // step 4
            },
            is_in_unique_claims(campaign, user));
        context.step("after_commit");
        return answer(stored, refusal);
    }
};

}  // namespace

FlowEntry coupon_guarded_update() {
    FlowEntry entry;
    entry.name = "coupon/guarded-update";
    entry.about = "UPDATE … WHERE remaining > 0, its affected rows checked, behind a unique key.";
    entry.sound = true;
    entry.steps = {"after_read", "after_insert", "before_commit", "after_commit"};
    entry.make = make_flow<CouponGuardedUpdate>;
    return entry;
}

}  // namespace claimstorm::reference
