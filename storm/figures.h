#pragma once

#include "model/history.h"
#include "model/result.h"

namespace claimstorm {

/// Everything the report says of the storm itself, from its history alone. O(n) time.
/// `send_lag_us_p99` leaves out the attempts that waited for a free connection: their lateness is
/// the service's, and `waited` counts them. An attempt that was polled lasts until the answer that
/// told its outcome: its latency and its service time hold the waits between the polls too. One
/// that stayed pending lasts until the answer that said so first.
StormFigures storm_figures(const History& history);

}  // namespace claimstorm
