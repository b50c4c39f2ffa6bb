#pragma once

#include "scenarios/scenario.h"

namespace claimstorm {

/// Runs the target's prepare steps in order: HTTP through libcurl, SQL, Redis. Throws
/// EnvironmentError naming the step that the world refused.
void prepare_target(const Target& target, const Campaign& campaign);

/// The same for its finish steps, once the storm has settled: closing the event, reconciling.
void finish_target(const Target& target, const Campaign& campaign);

}  // namespace claimstorm
