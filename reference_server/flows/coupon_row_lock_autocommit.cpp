// coupon/row-lock/autocommit: FOR UPDATE without a transaction, and so without a lock.
//
//   1. SELECT remaining … FOR UPDATE.
//   2. Has the user claimed? Is anything left? If not: refuse.
//   3. remaining-1, the sold-out mark in the same statement.
//   4. The claim row.
//
// Found in public code: the statements of coupon/row-lock, but nobody opened a transaction (a
// forgotten @Transactional, or one on a method that is called past its proxy). In autocommit every
// statement is a transaction of its own: the row lock of step 1 ends with step 1.
//
// Guarantees nothing under concurrency; one claim after the other is right.
//
// What breaks it, without any fault:
//   - Two claims read "1 left" (the lock makes them do it one behind the other, no more); both
//     write: one claim too many, remaining at -1.
//   - The two clicks of one user both count no claim before either has stored one: two rows.
//   - A crash between 3 and 4 (after_decrement) takes a unit that nobody has.

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponRowLockAutocommit : public CouponFlow {
  public:
    CouponRowLockAutocommit() : CouponFlow(Counter::none, ClaimTable::claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        // Step 1.
        const auto coupon = mysql.query_one(
            "SELECT remaining FROM campaigns WHERE id = ? FOR UPDATE", {campaign.id});
        if (!coupon) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
        // Step 2.
        if (claims_of(mysql, campaign, user) >= campaign.per_user) {
            return {Outcome::already_claimed};
        }
        if (coupon->int64("remaining") <= 0) return {Outcome::sold_out};
        context.step("in_lock");  // or so the author thinks
        // Step 3.
        mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining <= 1), remaining = remaining - 1"
            " WHERE id = ?",
            {campaign.id});
        context.step("after_decrement");
        // Step 4.
        const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
        context.step("after_commit");
        return granted(claim_id);
    }
};

}  // namespace

FlowEntry coupon_row_lock_autocommit() {
    FlowEntry entry;
    entry.name = "coupon/row-lock/autocommit";
    entry.about = "FOR UPDATE in autocommit: the lock ends with the statement that took it.";
    entry.steps = {"in_lock", "after_decrement", "after_commit"};
    entry.make = make_flow<CouponRowLockAutocommit>;
    return entry;
}

}  // namespace claimstorm::reference
