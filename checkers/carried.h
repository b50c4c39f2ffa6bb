#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// "17 of 1,000 rows have no ticket", where some have one; empty where `without` is none or all.
std::string partly_carried(std::int64_t without, std::int64_t rows, std::string_view what);

/// A sentence for each column of the claims and payouts that some rows carry and not all, as it is
/// NULL there or only some of the queries have it: such rows are counted by their user, and what
/// the column would have told of them stays open.
std::vector<std::string> notes_on_columns(const Snapshot& snapshot);

}  // namespace claimstorm
