#pragma once

#include "reference_server/amounts.h"
#include "reference_server/flow_options.h"
#include "reference_server/flows/envelope_id_tables.h"
#include "reference_server/flows/envelope_store.h"

namespace claimstorm::reference {

/// What the flows with an id table share: envelopes made beforehand, one id table an open event,
/// winners archived at the end.
class IdTableFlow : public EnvelopeFlow {
  public:
    explicit IdTableFlow(const FlowOptions& options);

    void create_schema(Context& context) override;
    void prepare(Context& context, const Campaign& campaign) override;
    /// Archives the winners and drops the id table; shows winners and payouts. Again: the same.
    std::optional<nlohmann::ordered_json> close(Context& context,
                                                const Campaign& campaign) override;
    CampaignState state(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;

  protected:
    OpenEvents& events() noexcept { return events_; }
    /// What a claim is told when its event is over.
    static ClaimResult closed();

  private:
    Split split_;
    OpenEvents events_;
};

}  // namespace claimstorm::reference
