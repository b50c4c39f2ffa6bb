#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/finding.h"

namespace claimstorm {

/// The check that judges samples; where there are none it has no use.
inline constexpr std::string_view kLiveBalance = "live_balance";

/// What a violated finding of `live_balance` names, and what to look at next.
std::vector<std::string> diagnose_live_balance(const Finding& finding);

}  // namespace claimstorm
