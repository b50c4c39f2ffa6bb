#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

/// How much of the stock is spoken for at rest: d + p.
struct Sold {
    std::int64_t rows = 0;    ///< d: every row, those from before the storm included
    std::int64_t queued = 0;  ///< p: accepted, not yet stored; 0 where no backlog is named

    std::int64_t units() const noexcept { return rows + queued; }
};

/// The finding to return when d + p is not known: skipped without a claims query, inconclusive when
/// it or a named backlog could not be read or the stores had not settled.
std::optional<Finding> unless_sold_is_known(std::string_view check, const Evidence& evidence);

/// Precondition: `unless_sold_is_known` had no objection.
Sold sold_at_rest(const Evidence& evidence);

/// "95 rows", "95 rows and 2 queued".
std::string in_words(const Sold& sold);

}  // namespace claimstorm
