#include "reference_server/flows/trusting_sale.h"

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {

ClaimResult sell_trusting_the_lock(Context& context, const Campaign& campaign,
                                   std::string_view user, const std::function<void()>& written) {
    Outcome refusal = Outcome::sold_out;
    std::int64_t left = 0;
    const ClaimTransaction stored = run_claim_transaction(
        context,
        [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
            const auto coupon =
                mysql.query_one("SELECT remaining FROM campaigns WHERE id = ?", {campaign.id});
            if (!coupon) {
                throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
            }
            left = coupon->int64("remaining") - 1;
            const bool has_claimed = claims_of(mysql, campaign, user) >= campaign.per_user;
            context.step("after_recheck");
            refusal = left < 0 ? Outcome::sold_out : Outcome::already_claimed;
            if (left < 0 || has_claimed) return std::nullopt;
            mysql.execute(
                "UPDATE campaigns SET sold_out = (sold_out OR ? = 0), remaining = ? WHERE id = ?",
                {left, left, campaign.id});
            const std::uint64_t claim_id = insert_claim(mysql, campaign, user);
            if (written) written();
            context.step("before_commit");
            return claim_id;
        },
        is_in_claims(campaign, user));
    context.step("after_commit");
    if (stored.fate == Fate::refused) return {refusal};
    if (stored.fate != Fate::committed) throw EnvironmentError(stored.why);
    context.redis().command({"SET", remaining_key(campaign.id), std::to_string(left)});
    return granted(stored.claim_id);
}

}  // namespace claimstorm::reference
