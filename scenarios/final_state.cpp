#include "scenarios/final_state.h"

namespace claimstorm {

void read_final_state(Evidence& evidence, EvidenceReader& reader, const SettleSpec& spec,
                      const std::atomic<bool>& stop) {
    evidence.settlement = settle(reader, spec.quiet, spec.timeout, stop);
    const Pulse before = reader.pulse();
    evidence.after = reader.take(evidence.users, evidence.texts, &evidence.history.attempts);
    const Pulse after = reader.pulse();
    std::string moved = before.difference(after);
    if (moved.empty()) moved = after.unreadable();
    if (evidence.settlement.settled && !moved.empty()) {
        evidence.settlement.settled = false;
        evidence.settlement.why_not = "the stores changed while they were read: " + moved;
    }
}

}  // namespace claimstorm
