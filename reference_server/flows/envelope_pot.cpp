#include "reference_server/flows/envelope_pot.h"

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/amounts.h"

namespace claimstorm::reference {
namespace {

Pot pot_from(const std::optional<MysqlRecord>& row, std::string_view campaign) {
    if (!row) {
        throw EnvironmentError(fmt::format("the event '{}' has no pot; create it again", campaign));
    }
    return {row->int64("envelopes_left"), row->int64("cents_left")};
}

}  // namespace

void create_pot_table(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS envelope_pots ("
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,"
        " envelopes BIGINT NOT NULL,"
        " envelopes_left BIGINT NOT NULL,"
        " cents_left BIGINT NOT NULL,"
        " sold_out TINYINT(1) NOT NULL"
        ") ENGINE=InnoDB");
}

void fill_pot(MysqlConnection& mysql, const Campaign& campaign) {
    mysql.execute(
        "REPLACE INTO envelope_pots (campaign_id, envelopes, envelopes_left, cents_left, sold_out)"
        " VALUES (?, ?, ?, ?, 0)",
        {campaign.id, campaign.stock, campaign.stock, campaign.budget_cents.value_or(0)});
}

Pot read_pot(MysqlConnection& mysql, std::string_view campaign) {
    return pot_from(
        mysql.query_one(
            "SELECT envelopes_left, cents_left FROM envelope_pots WHERE campaign_id = ?",
            {campaign}),
        campaign);
}

Pot lock_pot(MysqlConnection& mysql, std::string_view campaign) {
    return pot_from(mysql.query_one("SELECT envelopes_left, cents_left FROM envelope_pots"
                                    " WHERE campaign_id = ? FOR UPDATE",
                                    {campaign}),
                    campaign);
}

void take_from_pot(MysqlConnection& mysql, std::string_view campaign, std::int64_t cents) {
    mysql.execute(
        "UPDATE envelope_pots SET sold_out = (envelopes_left <= 1),"
        " envelopes_left = envelopes_left - 1, cents_left = cents_left - ? WHERE campaign_id = ?",
        {cents, campaign});
}

std::int64_t draw_amount(const Pot& pot, std::mt19937_64& random) {
    if (pot.left > 1 && pot.cents < pot.left) return 1;
    return draw_double_mean(pot.cents, pot.left, random);
}

std::string pot_query() {
    return "SELECT envelopes AS stock, envelopes_left AS remaining, sold_out FROM envelope_pots"
           " WHERE campaign_id = {campaign}";
}

CampaignState pot_state(MysqlConnection& mysql, std::string_view campaign) {
    const auto row = mysql.query_one(
        "SELECT envelopes_left, sold_out,"
        " (SELECT COUNT(*) FROM envelope_claims WHERE campaign_id = ?) AS claims"
        " FROM envelope_pots WHERE campaign_id = ?",
        {campaign, campaign});
    if (!row) {
        throw EnvironmentError(fmt::format("the event '{}' has no pot; create it again", campaign));
    }
    return {row->int64("envelopes_left"), row->int64("sold_out") != 0, {}, row->int64("claims")};
}

}  // namespace claimstorm::reference
