// coupon/insert-ignore: INSERT IGNORE keeps the users apart, and every click is paid for.
//
//   1. Read what is left, without a lock: nothing, refuse.
//   2. START TRANSACTION; INSERT IGNORE of the claim row, into a table with a unique key over
//      coupon and user.
//   3. UPDATE … SET remaining = remaining - 1 WHERE remaining > 0, the sold-out mark in the same
//      statement; no row affected: ROLLBACK and refuse.
//   4. COMMIT. Told by the row's id: granted, or already claimed.
//
// Found in public code: IGNORE is taken for "does nothing the second time", which is true of the
// INSERT and of nothing behind it.
//
// Guarantees never more claims than stock, and one claim a user.
//
// What breaks it, without any fault or even a race: each further click of a user who has claimed
// inserts nothing and lowers remaining all the same. Double clicks burn stock: at the end the
// coupon is marked sold out with fewer claims than stock, and users were sent home for nothing.

#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponInsertIgnore : public CouponFlow {
  public:
    CouponInsertIgnore() : CouponFlow(Counter::none, ClaimTable::unique_claims) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        // Step 1.
        if (database_remaining(mysql, campaign) <= 0) return {Outcome::sold_out};
        context.step("after_read");
        // Step 2.
        Transaction transaction(mysql);
        const std::uint64_t claim_id =
            mysql
                .execute("INSERT IGNORE INTO unique_claims (campaign_id, user_id) VALUES (?, ?)",
                         {campaign.id, user})
                .insert_id;
        context.step("after_insert");
        // Step 3.
        const MysqlDone sold = mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        if (sold.affected_rows != 1) return {Outcome::sold_out};
        context.step("before_commit");
        // Step 4.
        transaction.commit();
        context.step("after_commit");
        if (claim_id == 0) return {Outcome::already_claimed};
        return granted(claim_id);
    }
};

}  // namespace

FlowEntry coupon_insert_ignore() {
    FlowEntry entry;
    entry.name = "coupon/insert-ignore";
    entry.about = "INSERT IGNORE, decrement regardless: double clicks burn stock.";
    entry.steps = {"after_read", "after_insert", "before_commit", "after_commit"};
    entry.make = make_flow<CouponInsertIgnore>;
    return entry;
}

}  // namespace claimstorm::reference
