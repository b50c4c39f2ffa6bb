#pragma once

#include <filesystem>

#include "model/evidence.h"

namespace claimstorm {

/// Writes evidence.json (the counters, what could not be read, the settlement) and ledger.bin (the
/// rows). Throws EnvironmentError.
void write_evidence(const std::filesystem::path& folder, const Evidence& evidence);

/// Fills `evidence.before`, `after` and `settlement` from what `write_evidence` wrote. Throws
/// UsageError or EnvironmentError, naming the file.
void read_evidence(const std::filesystem::path& folder, Evidence& evidence);

}  // namespace claimstorm
