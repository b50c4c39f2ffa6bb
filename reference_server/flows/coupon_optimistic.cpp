// coupon/optimistic: a version column tells whether anybody came between reading and writing.
//
//   1. One SELECT: what is left, the version, how many claims the user has. Refuse if nothing is
//      left or the user has claimed.
//   2. START TRANSACTION; UPDATE … SET remaining = what was read minus one, version + 1 WHERE
//      version = what was read; the sold-out mark in the same statement. No row affected: somebody
//      was faster; ROLLBACK, a jittered pause, and again from 1, at most `retries` times; then 503.
//   3. The claim row.
//   4. COMMIT.
//
// Follows no article; it is the optimistic lock of ORMs (@Version). There is no cache.
//
// Guarantees: never more than the stock, never more than `per_user` a user, remaining = stock -
// claims and sold_out exactly when remaining is 0, at every moment. Why it holds:
//   - Every claim raises the version in the transaction that stores its row. So if the version is
//     still what was read, no claim of anybody has been stored since, and all that step 1 read is
//     still true, the user's claims included: no unique key is needed.
//   - UPDATE compares with the newest committed row, under its lock.
//   - A deadlock (1213) or a lock wait timeout (1205) costs the whole transaction, which runs again
//     with the same version, a bounded number of times (claim_transaction.h).
//   - A lost reply to COMMIT is settled by reading back.
//
// What it cannot do: promise that the stock is sold. Of the claims that read the same version one
// gets through; a claim that loses `retries` + 1 times is told 503 "throttled" while units are
// left: not "sold out", which would be a lie, nor "rejected", which would tell it not to come back.
// Where nobody comes back, the stock is not sold (undersell).
//
// What it promises under faults: the above, for all there is to lose is one transaction.
//   - An exception at after_read, after_update or before_commit: nothing is stored, 500. At
//     after_commit: 500, although the claim is stored: recovered when the client asks again.
//   - A crash: the same; InnoDB rolls back what was open.
//   - A pause at after_read makes that claim lose its race; one at after_update or before_commit
//     makes all lose theirs who have read the same version.
//   - A lost reply: the client does not know; asking again tells "already claimed".
#include <chrono>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/backoff.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

struct VersionRead {
    std::int64_t remaining = 0;
    std::int64_t version = 0;
    std::int64_t claims_of_user = 0;
};

class CouponOptimistic : public CouponFlow {
  public:
    explicit CouponOptimistic(const FlowOptions& options)
        : CouponFlow(Counter::none, ClaimTable::claims), retries_(options.count("retries")) {}

    void create_schema(Context& context) override {
        CouponFlow::create_schema(context);
        // MySQL has no ADD COLUMN IF NOT EXISTS. A campaign's REPLACE sets the version to 0 again.
        const auto present = context.mysql().query_one(
            "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE()"
            " AND table_name = 'campaigns' AND column_name = 'version'");
        if (present) return;
        context.mysql().execute_text(
            "ALTER TABLE campaigns ADD COLUMN version BIGINT NOT NULL DEFAULT 0");
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        Backoff backoff(context.random(), std::chrono::milliseconds(1),
                        std::chrono::milliseconds(32));
        for (std::int64_t attempt = 0;; ++attempt) {
            // Step 1.
            const VersionRead coupon = read(context.mysql(), campaign, user);
            if (coupon.claims_of_user >= campaign.per_user) return {Outcome::already_claimed};
            if (coupon.remaining <= 0) return {Outcome::sold_out};
            context.step("after_read");
            // Steps 2 to 4.
            const ClaimTransaction stored = run_claim_transaction(
                context,
                [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                    if (!write(mysql, campaign, coupon)) return std::nullopt;
                    context.step("after_update");
                    const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
                    context.step("before_commit");
                    return claim_id;
                },
                is_in_claims(campaign, user));
            const bool too_late = stored.fate == Fate::refused;
            if (too_late && attempt < retries_) {
                std::this_thread::sleep_for(backoff.next());
                continue;
            }
            context.step("after_commit");
            return answer(stored, Outcome::throttled);
        }
    }

  private:
    static VersionRead read(MysqlConnection& mysql, const Campaign& campaign,
                            std::string_view user) {
        const auto row = mysql.query_one(
            "SELECT remaining, version,"
            " (SELECT COUNT(*) FROM claims WHERE campaign_id = ? AND user_id = ?) AS claims"
            " FROM campaigns WHERE id = ?",
            {campaign.id, user, campaign.id});
        if (!row) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
        return {row->int64("remaining"), row->int64("version"), row->int64("claims")};
    }

    /// False when the version is no longer the one that was read.
    static bool write(MysqlConnection& mysql, const Campaign& campaign, const VersionRead& coupon) {
        const std::int64_t left = coupon.remaining - 1;
        return mysql
                   .execute(
                       "UPDATE campaigns SET remaining = ?, sold_out = ?, version = version + 1"
                       " WHERE id = ? AND version = ?",
                       {left, left == 0 ? 1 : 0, campaign.id, coupon.version})
                   .affected_rows == 1;
    }

    std::int64_t retries_;
};

}  // namespace

FlowEntry coupon_optimistic() {
    FlowEntry entry;
    entry.name = "coupon/optimistic";
    entry.about = "A version column and bounded retries: no oversell, perhaps some stock unsold.";
    entry.options = {
        count_option("retries", "10", "how often a claim that came too late reads again", 0, 1000)};
    entry.sound = true;
    entry.steps = {"after_read", "after_update", "before_commit", "after_commit"};
    entry.make = make_flow<CouponOptimistic>;
    return entry;
}

}  // namespace claimstorm::reference
