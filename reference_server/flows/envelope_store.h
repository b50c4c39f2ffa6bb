#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/campaign.h"
#include "reference_server/amounts.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"
#include "reference_server/flow_options.h"

namespace claimstorm::reference {

/// More envelopes than one event hands out; they are drawn in memory and stored one row each.
inline constexpr std::int64_t kMostEnvelopes = 1'000'000;

/// "HB7": what an envelope is called in the stores and to clients.
std::string serial_of(std::int64_t number);

/// What is in the envelope of that number; nullopt when no such envelope was made.
std::optional<std::int64_t> amount_in(MysqlConnection& mysql, std::string_view campaign,
                                      std::int64_t number);

/// The option `split`: how the flows whose envelopes are made beforehand draw the amounts.
OptionSpec split_option();

/// Draws the amounts and stores them as the campaign's envelopes 1, 2 …, owned by nobody. Returns
/// them.
std::vector<std::int64_t> make_envelopes(Context& context, const Campaign& campaign, Split split);

/// Whether the database is to refuse a second claim with the same number.
enum class Numbers : std::uint8_t { unique, as_they_come };

/// Adds a claim's row to `envelope_claims`. Throws MysqlError, a duplicate key where the number is
/// to be unique and is not.
void insert_envelope_claim(MysqlConnection& mysql, std::string_view campaign, std::string_view user,
                           std::int64_t number, std::int64_t amount_cents, Numbers numbers);

/// How many rows the user has in `envelope_claims`.
std::int64_t envelope_claims_of(MysqlConnection& mysql, std::string_view campaign,
                                std::string_view user);

/// The answer for a stored claim.
ClaimResult granted_envelope(std::int64_t number, std::int64_t amount_cents);

/// The answer for a transaction that failed: throttled, when it gave way to others on every try and
/// nothing is stored. Throws EnvironmentError where the client must be told 500: the database
/// failed, or what became of the claim stays unknown.
ClaimResult failed_envelope(const ClaimTransaction& failed);

/// What the envelope flows share: the tables, which campaigns they refuse, and the evidence of
/// those that leave their claims in `envelope_claims`.
///
/// Tables, besides `campaigns`:
///   envelopes        the envelopes made beforehand; an owner once the event is archived
///   envelope_claims  one row a claim, for the flows without an id table
///   envelope_orders  see envelope_payouts.h
///   payouts          see envelope_payouts.h
class EnvelopeFlow : public Flow {
  public:
    void create_schema(Context& context) override;
    /// One envelope a user; 1 to kMostEnvelopes of them; at least a cent in each.
    void check(const Campaign& campaign) const override;
    /// The campaign's row; no envelopes, claims, orders or payouts.
    void prepare(Context& context, const Campaign& campaign) override;
    CampaignState state(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;
};

}  // namespace claimstorm::reference
