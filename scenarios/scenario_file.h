#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "scenarios/json_place.h"
#include "scenarios/scenario.h"

namespace claimstorm {

/// Reads a scenario document. `folder` is what a relative target path starts from. Throws
/// UsageError with file and JSON pointer.
Scenario read_scenario(const JsonPlace& place, const std::string& folder);

/// Loads a scenario file. Throws UsageError.
Scenario load_scenario_file(const std::string& path);

/// A file if there is one of that path, else the bundled scenario of that name. Throws UsageError
/// with a 'did you mean'.
Scenario load_scenario(const std::string& path_or_name);

/// The scenario with every default filled in and secrets replaced by `***`; read_scenario reads it
/// back. `seed` is what the run used.
nlohmann::ordered_json scenario_to_json(const Scenario& scenario, std::uint64_t seed);

/// Throws UsageError when the scenario names no storm, or nothing to fire it at.
void require_storm(const Scenario& scenario);

/// Throws UsageError, with a 'did you mean', for a name that is no check's. `where` is what says
/// it: "--require".
void require_check_names(const std::vector<std::string>& names, std::string_view where);

/// Writes it as a run folder's scenario.json. Throws EnvironmentError.
void write_scenario(const std::filesystem::path& folder, const Scenario& scenario,
                    std::uint64_t seed);

}  // namespace claimstorm
