#include "reference_server/flows/envelope_store.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows/envelope_payouts.h"

namespace claimstorm::reference {
namespace {

/// Rows of one INSERT: with three values each far below the 65535 a statement may have.
constexpr std::size_t kRowsAtOnce = 1000;

void create_envelope_tables(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS envelopes ("
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " number BIGINT NOT NULL,"
        " serial VARCHAR(24) AS (CONCAT('HB', number)) VIRTUAL,"
        " amount_cents BIGINT NOT NULL,"
        " user_id VARBINARY(64) NULL,"
        " claimed_at TIMESTAMP(6) NULL,"
        " PRIMARY KEY (campaign_id, number),"
        " KEY campaign_user (campaign_id, user_id)"
        ") ENGINE=InnoDB");
    // unique_number repeats the number where a flow wants it refused a second time, and is NULL,
    // which a unique key lets pass, where the flow does without.
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS envelope_claims ("
        " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " user_id VARBINARY(64) NOT NULL,"
        " number BIGINT NOT NULL,"
        " amount_cents BIGINT NOT NULL,"
        " unique_number BIGINT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " UNIQUE KEY campaign_number (campaign_id, unique_number),"
        " KEY campaign_user (campaign_id, user_id)"
        ") ENGINE=InnoDB");
}

std::string insert_of(std::size_t rows) {
    std::string sql = "INSERT INTO envelopes (campaign_id, number, amount_cents) VALUES (?, ?, ?)";
    for (std::size_t i = 1; i < rows; ++i) sql += ", (?, ?, ?)";
    return sql;
}

}  // namespace

std::string serial_of(std::int64_t number) {
    return fmt::format("HB{}", number);
}

std::optional<std::int64_t> amount_in(MysqlConnection& mysql, std::string_view campaign,
                                      std::int64_t number) {
    const auto row =
        mysql.query_one("SELECT amount_cents FROM envelopes WHERE campaign_id = ? AND number = ?",
                        {campaign, number});
    return row ? std::optional(row->int64("amount_cents")) : std::nullopt;
}

OptionSpec split_option() {
    return choice_option("split", "double-mean", "how the amounts are drawn before the event",
                         split_names());
}

std::vector<std::int64_t> make_envelopes(Context& context, const Campaign& campaign, Split split) {
    auto amounts = split_amounts(split, *campaign.budget_cents, campaign.stock, context.random());
    MysqlConnection& mysql = context.mysql();
    Transaction transaction(mysql);
    std::vector<MysqlValue> values;
    values.reserve(3 * kRowsAtOnce);
    for (std::size_t begin = 0; begin < amounts.size(); begin += kRowsAtOnce) {
        const std::size_t end = std::min(begin + kRowsAtOnce, amounts.size());
        values.clear();
        for (std::size_t i = begin; i < end; ++i) {
            values.emplace_back(campaign.id);
            values.emplace_back(static_cast<std::int64_t>(i + 1));
            values.emplace_back(amounts[i]);
        }
        mysql.execute(insert_of(end - begin), MysqlParams(values));
    }
    transaction.commit();
    return amounts;
}

void insert_envelope_claim(MysqlConnection& mysql, std::string_view campaign, std::string_view user,
                           std::int64_t number, std::int64_t amount_cents, Numbers numbers) {
    const MysqlValue unique_number =
        numbers == Numbers::unique ? MysqlValue(number) : MysqlValue(nullptr);
    mysql.execute(
        "INSERT INTO envelope_claims (campaign_id, user_id, number, amount_cents, unique_number)"
        " VALUES (?, ?, ?, ?, ?)",
        {campaign, user, number, amount_cents, unique_number});
}

std::int64_t envelope_claims_of(MysqlConnection& mysql, std::string_view campaign,
                                std::string_view user) {
    return mysql
        .query_one("SELECT COUNT(*) FROM envelope_claims WHERE campaign_id = ? AND user_id = ?",
                   {campaign, user})
        ->int64(0);
}

ClaimResult granted_envelope(std::int64_t number, std::int64_t amount_cents) {
    return {Outcome::granted, serial_of(number), number, amount_cents, {}};
}

ClaimResult failed_envelope(const ClaimTransaction& failed) {
    if (failed.fate == Fate::rolled_back && failed.contended) {
        return {Outcome::throttled, {}, {}, {}, failed.why};
    }
    throw EnvironmentError(failed.why);
}

void EnvelopeFlow::create_schema(Context& context) {
    Flow::create_schema(context);
    create_envelope_tables(context.mysql());
    create_payout_tables(context.mysql());
}

void EnvelopeFlow::check(const Campaign& campaign) const {
    if (campaign.per_user != 1) {
        throw BadRequest("one envelope a user is the rule here: \"per_user\" must be 1");
    }
    if (campaign.stock < 1 || campaign.stock > kMostEnvelopes) {
        throw BadRequest(
            fmt::format("\"stock\", the number of envelopes, must be from 1 to {}; it is {}",
                        kMostEnvelopes, campaign.stock));
    }
    if (!campaign.budget_cents || *campaign.budget_cents < campaign.stock) {
        throw BadRequest(
            fmt::format("\"budget_cents\" must be at least {}: a cent for each of the envelopes",
                        campaign.stock));
    }
}

void EnvelopeFlow::prepare(Context& context, const Campaign& campaign) {
    MysqlConnection& mysql = context.mysql();
    write_campaign(mysql, campaign);
    Transaction transaction(mysql);
    mysql.execute("DELETE FROM envelopes WHERE campaign_id = ?", {campaign.id});
    mysql.execute("DELETE FROM envelope_claims WHERE campaign_id = ?", {campaign.id});
    mysql.execute("DELETE FROM envelope_orders WHERE campaign_id = ?", {campaign.id});
    mysql.execute("DELETE FROM payouts WHERE campaign_id = ?", {campaign.id});
    transaction.commit();
}

CampaignState EnvelopeFlow::state(Context& context, const Campaign& campaign) {
    CampaignState state;
    state.claims =
        context.mysql()
            .query_one("SELECT COUNT(*) FROM envelope_claims WHERE campaign_id = ?", {campaign.id})
            ->int64(0);
    state.remaining = campaign.stock - state.claims;
    state.sold_out = state.remaining <= 0;
    return state;
}

nlohmann::ordered_json EnvelopeFlow::evidence() const {
    return {{"mysql",
             {{"claims",
               "SELECT user_id AS user, CONCAT('HB', number) AS claim_id, number AS ticket,"
               " amount_cents FROM envelope_claims WHERE campaign_id = {campaign}"},
              {"stock", "SELECT stock FROM campaigns WHERE id = {campaign}"}}},
            {"redis", nlohmann::ordered_json::object()}};
}

}  // namespace claimstorm::reference
