#include "reference_server/flows/envelope_id_flow.h"

#include <nlohmann/json.hpp>

#include "reference_server/flows/envelope_payouts.h"

namespace claimstorm::reference {

IdTableFlow::IdTableFlow(const FlowOptions& options)
    : split_(split_from(options.choice("split"))) {}

void IdTableFlow::create_schema(Context& context) {
    EnvelopeFlow::create_schema(context);
    create_id_tables(context.mysql());
}

void IdTableFlow::prepare(Context& context, const Campaign& campaign) {
    // First, for it may refuse.
    open_id_table(context.mysql(), campaign.id);
    EnvelopeFlow::prepare(context, campaign);
    make_envelopes(context, campaign, split_);
    events_.forget(campaign.id);
}

std::optional<nlohmann::ordered_json> IdTableFlow::close(Context& context,
                                                         const Campaign& campaign) {
    MysqlConnection& mysql = context.mysql();
    close_id_table(mysql, campaign.id);
    events_.forget(campaign.id);
    const CampaignState state = IdTableFlow::state(context, campaign);
    nlohmann::ordered_json summary{
        {"envelopes", campaign.stock}, {"winners", state.claims}, {"left", state.remaining}};
    summary.update(payouts_made(mysql, campaign.id));
    return summary;
}

CampaignState IdTableFlow::state(Context& context, const Campaign& campaign) {
    CampaignState state;
    state.claims =
        context.mysql()
            .query_one("SELECT COUNT(*) FROM envelope_winners WHERE campaign_id = ?", {campaign.id})
            ->int64(0);
    state.remaining = campaign.stock - state.claims;
    state.sold_out = state.remaining <= 0;
    return state;
}

nlohmann::ordered_json IdTableFlow::evidence() const {
    auto evidence = EnvelopeFlow::evidence();
    evidence["mysql"]["claims"] =
        "SELECT user_id AS user, CONCAT('HB', number) AS claim_id, number AS ticket, amount_cents"
        " FROM envelope_winners WHERE campaign_id = {campaign}";
    evidence["mysql"]["payouts"] = payouts_query();
    return evidence;
}

ClaimResult IdTableFlow::closed() {
    return {Outcome::rejected, {}, {}, {}, "the event is over"};
}

}  // namespace claimstorm::reference
