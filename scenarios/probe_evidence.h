#pragma once

#include <string>
#include <vector>

#include "model/evidence.h"
#include "scenarios/probe.h"
#include "stores/evidence_reader.h"

namespace claimstorm {

/// What a target's queries and commands answer before and after one claim.
class EvidenceProbe {
  public:
    EvidenceProbe(const EvidenceSpec& spec, const Campaign& campaign, std::string user);

    void read_before();
    /// Everything the target names, in the order in which it names it. What was not readable says
    /// why; a cache key that is not there is no fault.
    std::vector<ProbeEvidence> read_after();
    /// The same of one reading, where nothing is claimed: before and after are one.
    std::vector<ProbeEvidence> read_once();

  private:
    std::vector<ProbeEvidence> tell_all(const Snapshot& before, const Snapshot& after) const;
    EvidenceTold claims(const Snapshot& snapshot) const;
    EvidenceTold users(const Snapshot& snapshot) const;

    EvidenceReader reader_;
    std::string user_;
    Names names_;
    TextPool texts_;
    Snapshot before_;
};

}  // namespace claimstorm
