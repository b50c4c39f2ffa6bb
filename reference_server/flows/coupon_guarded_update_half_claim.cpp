// coupon/guarded-update/half-claim: a lock wait timeout is swallowed, and the rest is committed.
//
//   1. Read what is left, without a lock: nothing, refuse.
//   2. START TRANSACTION; the claim row, in a table with a unique key over coupon and user: refused
//      as a duplicate, the user has claimed.
//   3. UPDATE … SET remaining = remaining - 1 WHERE remaining > 0, its affected rows checked. When
//      the row stays locked for longer than `lock_wait` (1205), the claim goes on: "the nightly job
//      puts the counter right".
//   4. COMMIT; granted.
//
// Found in public code: a catch around the counter's update, which is thought to be the less
// important of the two writes.
//
// Guarantees one claim a user, and what the counter says as long as no lock is waited for in vain.
//
// What breaks it: on 1205 InnoDB rolls back the *statement*, not the transaction. COMMIT then
// stores the claim row without the decrement: half a claim. It takes no more than one transaction
// that holds the coupon's row for longer than `lock_wait` (a pause at before_commit; a report, a
// backup): every claim that waits behind it becomes one, and the units they did not take are sold
// again: more claims than stock.
#include <chrono>

#include <fmt/format.h>

#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

class CouponGuardedUpdateHalfClaim : public CouponFlow {
  public:
    explicit CouponGuardedUpdateHalfClaim(const FlowOptions& options)
        : CouponFlow(Counter::none, ClaimTable::unique_claims),
          lock_wait_(std::chrono::ceil<std::chrono::seconds>(options.duration("lock_wait"))) {}

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        mysql.execute_text(
            fmt::format("SET SESSION innodb_lock_wait_timeout = {}", lock_wait_.count()));
        // Step 1.
        if (database_remaining(mysql, campaign) <= 0) return {Outcome::sold_out};
        context.step("after_read");
        // Step 2.
        Transaction transaction(mysql);
        const auto claim_id = insert_unique_claim(mysql, campaign, user);
        if (!claim_id) return {Outcome::already_claimed};
        context.step("after_insert");
        // Step 3.
        try {
            const MysqlDone sold = mysql.execute(
                "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
                " WHERE id = ? AND remaining > 0",
                {campaign.id});
            if (sold.affected_rows != 1) return {Outcome::sold_out};
            context.step("before_commit");
        } catch (const MysqlError& error) {
            if (!is_lock_wait_timeout(error)) throw;
        }
        // Step 4.
        transaction.commit();
        context.step("after_commit");
        return granted(*claim_id);
    }

  private:
    std::chrono::seconds lock_wait_;
};

}  // namespace

FlowEntry coupon_guarded_update_half_claim() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "coupon/guarded-update/half-claim";
    entry.about = "A lock wait timeout undoes one statement, and the transaction is committed.";
    entry.options = {duration_option(
        "lock_wait", "1s", "how long InnoDB waits for a row, in whole seconds", 1s, 1min)};
    entry.steps = {"after_read", "after_insert", "before_commit", "after_commit"};
    entry.make = make_flow<CouponGuardedUpdateHalfClaim>;
    return entry;
}

}  // namespace claimstorm::reference
