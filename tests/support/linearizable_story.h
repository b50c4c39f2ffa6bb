#pragma once

#include <cstdint>

#include "tests/support/evidence_builder.h"

namespace claimstorm::test {

/// Those of a linearizable finding.
inline Figures figures_of(std::int64_t stock, std::int64_t claims, std::int64_t released,
                          std::int64_t impossible, std::int64_t only_told = 0) {
    return {{"stock", stock},
            {"claims", claims},
            {"only_told", only_told},
            {"may_be_released", released},
            {"impossible", impossible}};
}

/// Tickets that are ranks.
inline EvidenceBuilder ranked(std::int64_t stock) {
    EvidenceBuilder story = storm(stock);
    story.raw().campaign.ordered_tickets = true;
    story.raw().campaign.gap_free_tickets = true;
    return story;
}

}  // namespace claimstorm::test
