#pragma once

#include <string_view>

namespace claimstorm {

/// The check that judges samples; where there are none it has no use.
inline constexpr std::string_view kLiveBalance = "live_balance";

}  // namespace claimstorm
