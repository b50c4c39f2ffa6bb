#pragma once

#include "scenarios/json_place.h"
#include "scenarios/scenario.h"

namespace claimstorm {

/// Reads a scenario's "target": {"reference": …}: a flow of claimstorm-server, its options and
/// failpoints. Whether the flow has those is the server's to say, when it starts.
ReferenceTarget read_reference_target(const JsonPlace& place);

/// The same object, every default left out.
nlohmann::ordered_json reference_target_to_json(const ReferenceTarget& reference);

}  // namespace claimstorm
