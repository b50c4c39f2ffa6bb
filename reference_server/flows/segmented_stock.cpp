#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows/cache_counter.h"
#include "reference_server/flows/stock.h"
#include "reference_server/flows/stock_repair.h"

namespace claimstorm::reference {
namespace {

/// The campaign's own row is written once, when the last segment is empty: its column `remaining`
/// is not kept, since a row all claims write is the very thing segments are there to avoid.
class SegmentedStock : public Stock {
  public:
    explicit SegmentedStock(std::int64_t segments) : segments_(segments) {}

    void create_schema(Context& context) const override {
        context.mysql().execute_text(
            "CREATE TABLE IF NOT EXISTS stock_segments ("
            " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
            " segment INT NOT NULL,"
            " remaining BIGINT NOT NULL,"
            " PRIMARY KEY (campaign_id, segment)"
            ") ENGINE=InnoDB");
        // Two claims of one user may meet in two segments, whose rows do not keep them apart; a
        // row for each user, with as many claims as the user has, does.
        context.mysql().execute_text(
            "CREATE TABLE IF NOT EXISTS stock_segment_users ("
            " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
            " user_id VARBINARY(64) NOT NULL,"
            " claims BIGINT NOT NULL,"
            " PRIMARY KEY (campaign_id, user_id)"
            ") ENGINE=InnoDB");
    }

    void prepare(Context& context, const Campaign& campaign) const override {
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        mysql.execute("DELETE FROM stock_segments WHERE campaign_id = ?", {campaign.id});
        mysql.execute("DELETE FROM stock_segment_users WHERE campaign_id = ?", {campaign.id});
        for (std::int64_t number = 0; number < segments_; ++number) {
            mysql.execute(
                "INSERT INTO stock_segments (campaign_id, segment, remaining) VALUES (?, ?, ?)",
                {campaign.id, number, share_of(campaign.stock, number)});
        }
        transaction.commit();
        // Not the shared counter: evidence and state sum those of the segments.
        context.redis().command({"DEL", remaining_key(campaign.id)});
        for (std::int64_t number = 0; number < segments_; ++number) {
            const StockCounter counter = counter_of(campaign.id, number);
            context.redis().command({"DEL", counter.lock_key});
            context.redis().command(
                {"SET", counter.cache_key, std::to_string(share_of(campaign.stock, number))});
        }
    }

    std::vector<StockCounter> counters(const Campaign& campaign,
                                       std::string_view user) const override {
        const auto home = static_cast<std::int64_t>(std::hash<std::string_view>{}(user) %
                                                    static_cast<std::size_t>(segments_));
        std::vector<StockCounter> counters;
        counters.reserve(static_cast<std::size_t>(segments_));
        for (std::int64_t i = 0; i < segments_; ++i) {
            counters.push_back(counter_of(campaign.id, (home + i) % segments_));
        }
        return counters;
    }

    std::int64_t lock_row(MysqlConnection& mysql, const Campaign& campaign, std::string_view user,
                          const StockCounter& counter) const override {
        // Always the user before the segment, so that no two claims wait for each other. (A third
        // click may still be the victim of a deadlock with a second, when the first one's row is
        // rolled back under both: it is tried again.)
        mysql.execute(
            "INSERT INTO stock_segment_users (campaign_id, user_id, claims) VALUES (?, ?, 1)"
            " ON DUPLICATE KEY UPDATE claims = claims + 1",
            {campaign.id, user});
        const auto segment = mysql.query_one(
            "SELECT remaining FROM stock_segments WHERE campaign_id = ? AND segment = ? FOR UPDATE",
            {campaign.id, counter.number});
        if (!segment) {
            throw EnvironmentError(fmt::format("the coupon '{}' has no segment {}; create it again",
                                               campaign.id, counter.number));
        }
        return segment->int64("remaining");
    }

    void take(MysqlConnection& mysql, const Campaign& campaign,
              const StockCounter& counter) const override {
        const MysqlDone sold = mysql.execute(
            "UPDATE stock_segments SET remaining = remaining - 1"
            " WHERE campaign_id = ? AND segment = ? AND remaining > 0",
            {campaign.id, counter.number});
        if (sold.affected_rows != 1) {
            throw EnvironmentError(fmt::format("segment {} of '{}' changed while locked",
                                               counter.number, campaign.id));
        }
    }

    void note_empty(MysqlConnection& mysql, const Campaign& campaign) const override {
        // Two claims may empty the last two segments side by side; in their own transactions
        // neither would see the other's. Here, behind both COMMITs, the later one sees both.
        mysql.execute(
            "UPDATE campaigns SET sold_out = 1 WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM stock_segments WHERE campaign_id = ? AND remaining > 0)",
            {campaign.id, campaign.id});
    }

    nlohmann::ordered_json reconcile(Context& context, const Campaign& campaign) const override {
        std::int64_t remaining = 0;
        bool cache_mended = false;
        const auto rows = context.mysql().query(
            "SELECT segment, remaining FROM stock_segments WHERE campaign_id = ?", {campaign.id});
        for (const MysqlRecord& row : rows) {
            const std::string key = counter_of(campaign.id, row.int64("segment")).cache_key;
            remaining += row.int64("remaining");
            cache_mended = mend_cache(context, key, row.int64("remaining")) || cache_mended;
        }
        const bool sold_out_mended = mend_sold_out(context.mysql(), campaign, remaining);
        return {{"remaining", remaining},
                {"cache_mended", cache_mended},
                {"sold_out_mended", sold_out_mended}};
    }

    CampaignState state(Context& context, const Campaign& campaign) const override {
        CampaignState state = read_state(context.mysql(), campaign.id);
        state.remaining =
            context.mysql()
                .query_one(
                    "SELECT CAST(COALESCE(SUM(remaining), 0) AS SIGNED) FROM stock_segments"
                    " WHERE campaign_id = ?",
                    {campaign.id})
                ->int64(0);
        std::vector<std::string> keys;
        for (const StockCounter& counter : counters(campaign, ""))
            keys.push_back(counter.cache_key);
        const auto counts = cached_counts(context, keys);
        if (std::find(counts.begin(), counts.end(), std::nullopt) == counts.end()) {
            state.cache_remaining =
                std::accumulate(counts.begin(), counts.end(), std::int64_t{0},
                                [](std::int64_t sum, const auto& count) { return sum + *count; });
        }
        return state;
    }

    void describe(nlohmann::ordered_json& evidence) const override {
        evidence["mysql"]["stock"] =
            "SELECT c.stock, CAST((SELECT COALESCE(SUM(s.remaining), 0) FROM stock_segments s"
            " WHERE s.campaign_id = c.id) AS SIGNED) AS remaining, c.sold_out"
            " FROM campaigns c WHERE c.id = {campaign}";
        auto counters = nlohmann::ordered_json::array();
        auto locks = nlohmann::ordered_json::array();
        for (std::int64_t number = 0; number < segments_; ++number) {
            const StockCounter counter = counter_of("{campaign}", number);
            counters.push_back({"GET", counter.cache_key});
            locks.push_back(counter.lock_key);
        }
        evidence["redis"]["remaining"] = counters;
        evidence["redis"]["locks"] = locks;
    }

  private:
    static StockCounter counter_of(std::string_view campaign, std::int64_t number) {
        return {number, key_of(campaign, fmt::format("lock:{}", number)),
                key_of(campaign, fmt::format("remaining:{}", number))};
    }

    /// As even as can be: the first ones have one more.
    std::int64_t share_of(std::int64_t stock, std::int64_t number) const {
        return stock / segments_ + (number < stock % segments_ ? 1 : 0);
    }

    std::int64_t segments_;
};

}  // namespace

std::unique_ptr<Stock> make_segmented_stock(std::int64_t segments) {
    return std::make_unique<SegmentedStock>(segments);
}

}  // namespace claimstorm::reference
