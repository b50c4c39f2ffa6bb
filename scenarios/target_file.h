#pragma once

#include <string>

#include "scenarios/json_place.h"
#include "scenarios/scenario.h"

namespace claimstorm {

/// Reads a target: an object as in a target file. A users' file is looked for from `folder`, and
/// its first row read for the names of its columns unless the object lists them. Throws UsageError.
Target read_target(const JsonPlace& place, const std::string& folder = ".");

/// Loads a target file. Throws UsageError.
Target load_target_file(const std::string& path);

/// The target as JSON, every default filled in, passwords and secret headers replaced by `***`.
nlohmann::ordered_json target_to_json(const Target& target);

/// Prepare steps know these placeholders beside `{campaign}`.
const std::vector<std::string_view>& campaign_placeholders();
std::vector<std::string> campaign_values(const Campaign& campaign);

}  // namespace claimstorm
