#include "reference_server/flows/coupon_flow.h"

#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"

namespace claimstorm::reference {

void CouponFlow::create_schema(Context& context) {
    Flow::create_schema(context);
    if (table_ != ClaimTable::unique_claims) return;
    context.mysql().execute_text(
        "CREATE TABLE IF NOT EXISTS unique_claims ("
        " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " user_id VARBINARY(64) NOT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " UNIQUE KEY campaign_user (campaign_id, user_id)"
        ") ENGINE=InnoDB");
}

void CouponFlow::check(const Campaign& campaign) const {
    if (table_ == ClaimTable::unique_claims && campaign.per_user != 1) {
        throw BadRequest("this flow's claims have a unique key on the user: per_user must be 1");
    }
}

void CouponFlow::prepare(Context& context, const Campaign& campaign) {
    if (table_ == ClaimTable::unique_claims) {
        context.mysql().execute("DELETE FROM unique_claims WHERE campaign_id = ?", {campaign.id});
    }
    Flow::prepare(context, campaign);
    if (counter_ == Counter::none) context.redis().command({"DEL", remaining_key(campaign.id)});
}

CampaignState CouponFlow::state(Context& context, const Campaign& campaign) {
    CampaignState state = Flow::state(context, campaign);
    if (table_ == ClaimTable::unique_claims) {
        state.claims = context.mysql()
                           .query_one("SELECT COUNT(*) FROM unique_claims WHERE campaign_id = ?",
                                      {campaign.id})
                           ->int64(0);
    }
    return state;
}

nlohmann::ordered_json CouponFlow::evidence() const {
    auto evidence = Flow::evidence();
    if (table_ == ClaimTable::unique_claims) {
        evidence["mysql"]["claims"] =
            "SELECT user_id AS user, id AS claim_id FROM unique_claims"
            " WHERE campaign_id = {campaign}";
    }
    if (counter_ == Counter::none) evidence["redis"] = nlohmann::ordered_json::object();
    return evidence;
}

std::optional<std::uint64_t> insert_unique_claim(MysqlConnection& mysql, const Campaign& campaign,
                                                 std::string_view user) {
    try {
        return mysql
            .execute("INSERT INTO unique_claims (campaign_id, user_id) VALUES (?, ?)",
                     {campaign.id, user})
            .insert_id;
    } catch (const MysqlError& error) {
        if (!is_duplicate_key(error)) throw;
        return std::nullopt;
    }
}

ReadBack is_in_unique_claims(const Campaign& campaign, std::string_view user) {
    return [&campaign, user](MysqlConnection& mysql, std::uint64_t claim_id) {
        return mysql
            .query_one(
                "SELECT id FROM unique_claims WHERE id = ? AND campaign_id = ? AND user_id = ?"
                " LOCK IN SHARE MODE",
                {static_cast<std::int64_t>(claim_id), campaign.id, user})
            .has_value();
    };
}

}  // namespace claimstorm::reference
