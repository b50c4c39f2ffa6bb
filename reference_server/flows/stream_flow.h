#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reference_server/flow.h"
#include "reference_server/flow_options.h"
#include "reference_server/flows/claim_stream.h"

namespace claimstorm::reference {

/// `consumers`, `batch`, `idle`: what every flow with a stream offers.
std::vector<OptionSpec> stream_options();

/// What the flows of coupon/async-stream share: the gate in front, the loop that hands entries to
/// the consumers, and where the evidence is. When entries are acknowledged, how they are stored
/// and what polls tell is each flow's own.
class StreamFlow : public Flow {
  public:
    /// `table` holds the claims, with columns campaign_id, claim_id and user_id (NULL: a refusal).
    StreamFlow(const FlowOptions& options, std::string table);

    void check(const Campaign& campaign) const override;
    /// The campaign's rows and, last, its keys: whoever claims finds both. Rows of an earlier life
    /// are removed from `table` on the way.
    void prepare(Context& context, const Campaign& campaign) override;
    /// The gate alone; step `after_gate`. What it lets through is in the stream: an error here
    /// loses the answer, not the claim.
    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override;
    std::vector<BackgroundWork> background() override;
    CampaignState state(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;

  protected:
    /// Deals with entries a consumer has just read, one campaign's; never none.
    virtual void consume(Context& context, ClaimStream& stream, std::string_view campaign,
                         const std::vector<StreamEntry>& entries) = 0;

  private:
    void run_consumer(Context& context, const std::string& name, const std::stop_token& stop);
    std::vector<StreamEntry> next_entries(ClaimStream& stream, const std::string& name) const;

    std::string table_;
    std::int64_t consumers_;
    std::int64_t batch_;
    std::chrono::milliseconds idle_;
};

}  // namespace claimstorm::reference
