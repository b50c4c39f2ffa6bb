#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "scenarios/json_place.h"
#include "storm/spec.h"

namespace claimstorm {

/// Reads the "storm" of a scenario file; a replayed run's path is relative to `folder`. Throws
/// UsageError.
StormSpec read_storm(const JsonPlace& place, const std::string& folder);

/// The other way, every default filled in.
nlohmann::ordered_json storm_to_json(const StormSpec& storm);

}  // namespace claimstorm
