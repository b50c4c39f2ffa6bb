#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "checkers/by_user.h"
#include "model/evidence.h"

namespace claimstorm {

/// The claim id an attempt's answer carried; empty for none.
std::string_view granted_id(const Evidence& evidence, ByUser::Index attempt);

/// The claim id of a row of a ledger that was read; empty for none.
std::string_view row_id(const Evidence& evidence, const Reading<Ledger>& ledger, ByUser::Index row);

/// What one user's granted answers amount to. An answer that repeats a claim id is a replay of the
/// same promise. An answer without an id may be one as well, so it makes only the upper bound.
struct Promises {
    std::int64_t with_id = 0;     ///< distinct claim ids
    std::int64_t without_id = 0;  ///< answers that carry none

    std::int64_t least() const { return with_id > 0 ? with_id : std::int64_t{without_id > 0}; }
    std::int64_t most() const { return with_id + without_id; }
};

/// `granted` is one user's group of `grants_by_user`.
Promises promises_in(const Evidence& evidence, std::span<const ByUser::Index> granted);

/// Adds to `firsts` the attempts that first carried each promise counted by `Promises::least`.
void add_distinct(const Evidence& evidence, std::span<const ByUser::Index> granted,
                  std::vector<ByUser::Index>& firsts);

/// How many attempts may have taken effect although nobody was told.
std::int64_t count_indeterminate(const History& history);

}  // namespace claimstorm
