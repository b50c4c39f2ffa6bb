#pragma once

#include <cstdint>

#include "model/evidence.h"

namespace claimstorm {

/// Whether an attempt with that outcome may have held a unit for a while and given it back: neither
/// granted nor refused for the stock's or the user's sake.
bool may_have_held_a_unit(Outcome outcome) noexcept;

/// How many attempts that may have held a unit were sent no later than `until`.
std::int64_t count_holders(const History& history, TimeNs until);

/// How many units were somebody's and are nobody's at rest: rows of the baseline that are gone, and
/// granted claims without a row (a grant that repeats a row from before counts here, too). An upper
/// bound. Precondition: the ledger was read.
std::int64_t count_rows_gone(const Evidence& evidence);

}  // namespace claimstorm
