#pragma once

#include <atomic>

#include "model/evidence.h"
#include "scenarios/scenario.h"
#include "stores/evidence_reader.h"

namespace claimstorm {

/// Waits until the stores have settled and reads them into `evidence.after`. Stores that moved
/// while they were read are not settled.
void read_final_state(Evidence& evidence, EvidenceReader& reader, const SettleSpec& spec,
                      const std::atomic<bool>& stop);

}  // namespace claimstorm
