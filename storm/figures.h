#pragma once

#include "model/history.h"
#include "model/result.h"

namespace claimstorm {

/// Everything the report says of the storm itself, from its history alone. O(n) time.
/// `send_lag_us_p99` leaves out the attempts that waited for a free connection: their lateness is
/// the service's, and `waited` counts them.
StormFigures storm_figures(const History& history);

}  // namespace claimstorm
