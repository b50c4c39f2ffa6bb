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

class WholeStock : public Stock {
  public:
    explicit WholeStock(bool system_wide_lock) : system_wide_lock_(system_wide_lock) {}

    void create_schema(Context& /*context*/) const override {}

    void prepare(Context& context, const Campaign& campaign) const override {
        // The lock of the whole system may be held by a claim of another campaign.
        if (!system_wide_lock_) context.redis().command({"DEL", lock_key(campaign.id)});
    }

    std::vector<StockCounter> counters(const Campaign& campaign,
                                       std::string_view /*user*/) const override {
        return {{0, lock_key(campaign.id), remaining_key(campaign.id)}};
    }

    std::int64_t lock_row(MysqlConnection& mysql, const Campaign& campaign,
                          std::string_view /*user*/,
                          const StockCounter& /*counter*/) const override {
        // One row for all users: it keeps each one's claims apart too.
        const auto coupon = mysql.query_one(
            "SELECT remaining FROM campaigns WHERE id = ? FOR UPDATE", {campaign.id});
        if (!coupon) throw EnvironmentError(fmt::format("the coupon '{}' has no row", campaign.id));
        return coupon->int64("remaining");
    }

    void take(MysqlConnection& mysql, const Campaign& campaign,
              const StockCounter& /*counter*/) const override {
        const MysqlDone sold = mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
            " WHERE id = ? AND remaining > 0",
            {campaign.id});
        if (sold.affected_rows != 1) {
            throw EnvironmentError(
                fmt::format("the coupon '{}' changed while locked", campaign.id));
        }
    }

    void note_empty(MysqlConnection& /*mysql*/, const Campaign& /*campaign*/) const override {
        // The mark was set in the statement that took the last unit.
    }

    nlohmann::ordered_json reconcile(Context& context, const Campaign& campaign) const override {
        return reconcile_whole_stock(context, campaign);
    }

    CampaignState state(Context& context, const Campaign& campaign) const override {
        CampaignState state = read_state(context.mysql(), campaign.id);
        state.cache_remaining = cached_count(context, remaining_key(campaign.id));
        return state;
    }

    void describe(nlohmann::ordered_json& evidence) const override {
        evidence["redis"]["locks"] = {lock_key("{campaign}")};
    }

  private:
    std::string lock_key(std::string_view campaign) const {
        return system_wide_lock_ ? "cs:lock" : key_of(campaign, "lock");
    }

    bool system_wide_lock_;
};

}  // namespace

std::unique_ptr<Stock> make_whole_stock(bool system_wide_lock) {
    return std::make_unique<WholeStock>(system_wide_lock);
}

}  // namespace claimstorm::reference
