// coupon/row-lock: the coupon's row is locked, read, and written in one transaction.
//
//   1. START TRANSACTION; SELECT remaining … FOR UPDATE: from here on no other claim of this coupon
//      gets further than this statement.
//   2. Has the user claimed? Is anything left? If not: ROLLBACK and refuse.
//   3. remaining-1, the sold-out mark in the same statement; the claim row.
//   4. COMMIT, which releases the lock.
//
// Follows no article: it is the coupon article's transaction with its reads moved inside. There is
// no cache.
//
// Guarantees: never more than the stock, never more than `per_user` a user, remaining = stock -
// claims and sold_out exactly when remaining is 0, at every moment. Why it holds:
//   - Whoever holds the row's lock reads what all before it have committed, and nobody can change
//     it before this COMMIT. The claims are counted by the transaction's first plain read: under
//     REPEATABLE READ its snapshot is taken then, behind the lock. Counted before the lock, they
//     would be counted as they once were.
//   - A deadlock (1213) or a lock wait timeout (1205) costs the whole transaction, which runs again
//     a bounded number of times (claim_transaction.h); then the client is told 503, and nothing is
//     stored.
//   - A lost reply to COMMIT is settled by reading back.
//
// What it promises under faults: everything, for all there is to lose is one transaction.
//   - An exception at in_lock or before_commit: rolled back, 500, the unit is still there. At
//     after_commit: 500, although the claim is stored: recovered when the client asks again.
//   - A crash: the same; InnoDB rolls back what was open.
//   - A pause at in_lock or before_commit holds up every claim of the coupon: that is the price.
//     Those who wait longer than InnoDB's lock wait timeout on every try are told 503.
//   - A lost reply: the client does not know; asking again tells "already claimed".

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponRowLock : public CouponFlow {
  public:
    CouponRowLock() : CouponFlow(Counter::none, ClaimTable::claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        Outcome refusal = Outcome::sold_out;
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                // Step 1.
                const auto coupon = mysql.query_one(
                    "SELECT remaining FROM campaigns WHERE id = ? FOR UPDATE", {campaign.id});
                if (!coupon) {
                    throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
                }
                context.step("in_lock");
                // Step 2.
                refusal = Outcome::already_claimed;
                if (claims_of(mysql, campaign, user) >= campaign.per_user) return std::nullopt;
                refusal = Outcome::sold_out;
                if (coupon->int64("remaining") <= 0) return std::nullopt;
                // Step 3.
                mysql.execute(
                    "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
                    " WHERE id = ?",
                    {campaign.id});
                const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
                context.step("before_commit");
                return claim_id;  // step 4
            },
            is_in_claims(campaign, user));
        context.step("after_commit");
        return answer(stored, refusal);
    }
};

}  // namespace

FlowEntry coupon_row_lock() {
    FlowEntry entry;
    entry.name = "coupon/row-lock";
    entry.about = "SELECT … FOR UPDATE, decide, write, COMMIT: one transaction, one lock.";
    entry.sound = true;
    entry.steps = {"in_lock", "before_commit", "after_commit"};
    entry.make = make_flow<CouponRowLock>;
    return entry;
}

}  // namespace claimstorm::reference
