#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "model/campaign.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {

/// A coupon flow on the shared tables and the one counter, with one lock key for each campaign:
/// a campaign starts without the lock, and the lock is evidence.
class LockedCouponFlow : public Flow {
  public:
    void prepare(Context& context, const Campaign& campaign) override;
    nlohmann::ordered_json evidence() const override;

  protected:
    /// The lock's key; "{campaign}" gives the one a target file names.
    static std::string lock_key(std::string_view campaign);
};

}  // namespace claimstorm::reference
