#include "reference_server/flows/stock_repair.h"

#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"
#include "reference_server/flows/cache_counter.h"

namespace claimstorm::reference {

bool mend_cache(Context& context, const std::string& key, std::int64_t remaining) {
    if (cached_count(context, key) == remaining) return false;
    context.redis().command({"SET", key, std::to_string(remaining)});
    return true;
}

bool mend_sold_out(MysqlConnection& mysql, const Campaign& campaign, std::int64_t remaining) {
    return mysql
               .execute("UPDATE campaigns SET sold_out = ? WHERE id = ?",
                        {remaining <= 0 ? 1 : 0, campaign.id})
               .affected_rows == 1;
}

nlohmann::ordered_json reconcile_whole_stock(Context& context, const Campaign& campaign) {
    const std::int64_t remaining = read_state(context.mysql(), campaign.id).remaining;
    const bool sold_out_mended = mend_sold_out(context.mysql(), campaign, remaining);
    const bool cache_mended = mend_cache(context, remaining_key(campaign.id), remaining);
    return {{"remaining", remaining},
            {"cache_mended", cache_mended},
            {"sold_out_mended", sold_out_mended}};
}

}  // namespace claimstorm::reference
