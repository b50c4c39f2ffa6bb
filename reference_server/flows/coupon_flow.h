#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "reference_server/claim_transaction.h"
#include "reference_server/flow.h"
#include "stores/mysql.h"

namespace claimstorm::reference {

/// Where a coupon flow counts what is left, besides the coupon's row.
enum class Counter : std::uint8_t {
    in_cache,
    none,  ///< the database alone serves the claims; Redis holds no key of the campaign
};

/// Where a coupon flow stores its claims.
enum class ClaimTable : std::uint8_t {
    claims,         ///< shared by most flows; nothing in it keeps a user from having two rows
    unique_claims,  ///< the same with a unique key over campaign and user: one claim a user
};

/// What coupon flows have in common that differ from Flow in these two points.
class CouponFlow : public Flow {
  public:
    void create_schema(Context& context) override;
    /// Where the table has a unique key, `per_user` must be 1.
    void check(const Campaign& campaign) const override;
    void prepare(Context& context, const Campaign& campaign) override;
    CampaignState state(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;

  protected:
    CouponFlow(Counter counter, ClaimTable table) : counter_(counter), table_(table) {}

  private:
    Counter counter_;
    ClaimTable table_;
};

/// The read-back for this user's claim in the table `unique_claims`. Holds references to both.
ReadBack is_in_unique_claims(const Campaign& campaign, std::string_view user);

/// Adds the claim's row to `unique_claims` and returns its id; nullopt when the user has one. Waits
/// while another transaction is adding the same user's.
std::optional<std::uint64_t> insert_unique_claim(MysqlConnection& mysql, const Campaign& campaign,
                                                 std::string_view user);

}  // namespace claimstorm::reference
