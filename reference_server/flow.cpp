#include "reference_server/flow.h"

#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"

namespace claimstorm::reference {

void Flow::create_schema(Context& context) {
    create_tables(context.mysql());
}

void Flow::check(const Campaign& /*campaign*/) const {}

void Flow::prepare(Context& context, const Campaign& campaign) {
    write_campaign(context.mysql(), campaign);
    context.redis().command({"SET", remaining_key(campaign.id), std::to_string(campaign.stock)});
}

std::optional<ClaimResult> Flow::poll(Context& /*context*/, const Campaign& /*campaign*/,
                                      std::string_view /*claim_id*/) {
    return std::nullopt;
}

std::optional<nlohmann::ordered_json> Flow::close(Context& /*context*/,
                                                  const Campaign& /*campaign*/) {
    return std::nullopt;
}

std::optional<nlohmann::ordered_json> Flow::reconcile(Context& /*context*/,
                                                      const Campaign& /*campaign*/) {
    return std::nullopt;
}

std::vector<BackgroundWork> Flow::background() {
    return {};
}

CampaignState Flow::state(Context& context, const Campaign& campaign) {
    CampaignState state = read_state(context.mysql(), campaign.id);
    const Reply cached = context.redis().command({"GET", remaining_key(campaign.id)});
    if (!cached.is_nil()) state.cache_remaining = cached.integer();
    return state;
}

nlohmann::ordered_json Flow::evidence() const {
    return {{"mysql",
             {{"claims",
               "SELECT user_id AS user, id AS claim_id FROM claims WHERE campaign_id = {campaign}"},
              {"stock", "SELECT stock, remaining, sold_out FROM campaigns WHERE id = {campaign}"}}},
            {"redis", {{"remaining", {"GET", remaining_key("{campaign}")}}}}};
}

}  // namespace claimstorm::reference
