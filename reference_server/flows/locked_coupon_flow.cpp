#include "reference_server/flows/locked_coupon_flow.h"

#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"

namespace claimstorm::reference {

std::string LockedCouponFlow::lock_key(std::string_view campaign) {
    return key_of(campaign, "lock");
}

void LockedCouponFlow::prepare(Context& context, const Campaign& campaign) {
    Flow::prepare(context, campaign);
    context.redis().command({"DEL", lock_key(campaign.id)});
}

nlohmann::ordered_json LockedCouponFlow::evidence() const {
    auto evidence = Flow::evidence();
    evidence["redis"]["locks"] = {lock_key("{campaign}")};
    return evidence;
}

}  // namespace claimstorm::reference
