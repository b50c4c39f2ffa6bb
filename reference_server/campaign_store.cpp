#include "reference_server/campaign_store.h"

#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::reference {
namespace {

// Far more than one event has; beyond it the directory starts anew from the table.
constexpr std::size_t kCampaignsKept = 10000;

}  // namespace

std::string key_of(std::string_view campaign, std::string_view what) {
    return fmt::format("cs:{}:{}", campaign, what);
}

std::string remaining_key(std::string_view campaign) {
    return key_of(campaign, "remaining");
}

std::string_view to_string(CampaignKind kind) noexcept {
    return kind == CampaignKind::coupon ? "coupon" : "envelope";
}

std::optional<CampaignKind> campaign_kind_from(std::string_view name) noexcept {
    if (name == "coupon") return CampaignKind::coupon;
    if (name == "envelope") return CampaignKind::envelope;
    return std::nullopt;
}

void create_tables(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS campaigns ("
        " id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY,"
        " kind VARCHAR(16) NOT NULL,"
        " stock BIGINT NOT NULL,"
        " remaining BIGINT NOT NULL,"
        " sold_out TINYINT(1) NOT NULL,"
        " per_user BIGINT NOT NULL,"
        " budget_cents BIGINT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)"
        ") ENGINE=InnoDB");
    // user_id is binary, as a Redis set compares it: "a", "A" and "a " are three users. The index
    // is not unique, for that is what the flows have to do without.
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS claims ("
        " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " user_id VARBINARY(64) NOT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " KEY campaign_user (campaign_id, user_id)"
        ") ENGINE=InnoDB");
}

void write_campaign(MysqlConnection& mysql, const Campaign& campaign) {
    const MysqlValue budget =
        campaign.budget_cents ? MysqlValue(*campaign.budget_cents) : MysqlValue(nullptr);
    Transaction transaction(mysql);
    mysql.execute("DELETE FROM claims WHERE campaign_id = ?", {campaign.id});
    mysql.execute(
        "REPLACE INTO campaigns (id, kind, stock, remaining, sold_out, per_user, budget_cents)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        {campaign.id, to_string(campaign.kind), campaign.stock, campaign.stock,
         campaign.stock == 0 ? 1 : 0, campaign.per_user, budget});
    transaction.commit();
}

CampaignState read_state(MysqlConnection& mysql, std::string_view id) {
    const auto row = mysql.query_one(
        "SELECT remaining, sold_out, (SELECT COUNT(*) FROM claims WHERE campaign_id = ?) AS claims"
        " FROM campaigns WHERE id = ?",
        {id, id});
    if (!row) {
        throw EnvironmentError(fmt::format(
            "the campaign '{}' is no longer in the table campaigns; create it again", id));
    }
    CampaignState state;
    state.remaining = row->int64("remaining");
    state.sold_out = row->int64("sold_out") != 0;
    state.claims = row->int64("claims");
    return state;
}

CampaignDirectory::Entry CampaignDirectory::find(MysqlConnection& mysql, std::string_view id) {
    {
        const std::shared_lock lock(mutex_);
        if (const auto found = known_.find(id); found != known_.end()) return found->second;
    }
    const auto row = mysql.query_one(
        "SELECT kind, stock, per_user, budget_cents FROM campaigns WHERE id = ?", {id});
    if (!row) return nullptr;
    Campaign campaign;
    campaign.id = id;
    const auto kind = campaign_kind_from(row->text("kind"));
    if (!kind) return nullptr;
    campaign.kind = *kind;
    campaign.stock = row->int64("stock");
    campaign.per_user = row->int64("per_user");
    if (!row->is_null("budget_cents")) campaign.budget_cents = row->int64("budget_cents");
    // Whoever created it anew meanwhile knows better than the row just read.
    const std::unique_lock lock(mutex_);
    make_room();
    const auto entry = std::make_shared<const Campaign>(std::move(campaign));
    return known_.try_emplace(entry->id, entry).first->second;
}

void CampaignDirectory::put(const Campaign& campaign) {
    const std::unique_lock lock(mutex_);
    make_room();
    known_.insert_or_assign(campaign.id, std::make_shared<const Campaign>(campaign));
}

void CampaignDirectory::make_room() {
    if (known_.size() >= kCampaignsKept) known_.clear();
}

}  // namespace claimstorm::reference
