#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reference_server/flow_options.h"
#include "reference_server/flows/coupon_flow.h"

namespace claimstorm::reference {

/// How the stock is divided among the segments.
enum class Split : std::uint8_t {
    exact,       ///< stock/k each, one more in the first stock mod k
    rounded_up,  ///< the next whole number above stock/k each
};

/// Units in segment `number` of `segments`. Precondition: 0 <= number < segments.
std::int64_t segment_stock(std::int64_t stock, std::int64_t segments, std::int64_t number,
                           Split split) noexcept;

/// A coupon whose counter in the cache is split over several keys, so that no single key takes the
/// whole crowd: coupon/segments and its variant. The steps are told in coupon_segments.cpp.
class SegmentedCoupon : public CouponFlow {
  public:
    SegmentedCoupon(const FlowOptions& options, Split split);

    void prepare(Context& context, const Campaign& campaign) override;
    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override;
    /// `cache_remaining` is the sum over the segments.
    CampaignState state(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;

    /// The key of the segment the user's claims go to.
    std::string key_for(std::string_view campaign, std::string_view user) const;

  private:
    static std::string segment_key(std::string_view campaign, std::int64_t number);

    std::int64_t segments_;
    Split split_;
};

/// The options and steps both flows have.
std::vector<OptionSpec> segment_options();
std::vector<std::string> segment_steps();

}  // namespace claimstorm::reference
