#include "reference_server/flows/coupon_reads.h"

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/campaign_store.h"

namespace claimstorm::reference {

CouponAsRead read_coupon(Context& context, const Campaign& campaign, std::string_view user) {
    CouponAsRead coupon;
    coupon.cache_remaining = context.redis().command({"GET", remaining_key(campaign.id)}).integer();
    MysqlConnection& mysql = context.mysql();
    const auto row =
        mysql.query_one("SELECT remaining, sold_out FROM campaigns WHERE id = ?", {campaign.id});
    if (!row) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
    coupon.database_remaining = row->int64("remaining");
    coupon.sold_out = row->int64("sold_out") != 0;
    coupon.user_has_claimed = claims_of(mysql, campaign, user) >= campaign.per_user;
    return coupon;
}

std::int64_t claims_of(MysqlConnection& mysql, const Campaign& campaign, std::string_view user) {
    return mysql
        .query_one("SELECT COUNT(*) FROM claims WHERE campaign_id = ? AND user_id = ?",
                   {campaign.id, user})
        ->int64(0);
}

std::int64_t database_remaining(MysqlConnection& mysql, const Campaign& campaign) {
    const auto row = mysql.query_one("SELECT remaining FROM campaigns WHERE id = ?", {campaign.id});
    if (!row) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
    return row->int64("remaining");
}

std::uint64_t insert_claim(MysqlConnection& mysql, const Campaign& campaign,
                           std::string_view user) {
    return mysql
        .execute("INSERT INTO claims (campaign_id, user_id) VALUES (?, ?)", {campaign.id, user})
        .insert_id;
}

ClaimResult granted(std::uint64_t claim_id) {
    return {Outcome::granted, std::to_string(claim_id), {}, {}, {}};
}

ClaimResult answer(const ClaimTransaction& stored, Outcome refusal) {
    switch (stored.fate) {
        case Fate::committed:
            return granted(stored.claim_id);
        case Fate::refused:
            return {refusal};
        case Fate::rolled_back:
            if (stored.contended) return {Outcome::throttled, {}, {}, {}, stored.why};
            break;
        case Fate::unknown:
            break;
    }
    throw EnvironmentError(stored.why);
}

}  // namespace claimstorm::reference
