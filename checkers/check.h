#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/explanation.h"
#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

/// One row of the table of checks.
struct Check {
    std::string_view name;                ///< as in result.json: "oversell"
    std::string_view property;            ///< the formula: "d <= S"
    const Explanation& (*explanation)();  ///< the same in plain words, and what to look at next
    Finding (*run)(const Evidence&);
    /// Left out of "all checks" where the stores were not watched: only --watch gives it a use.
    bool needs_samples = false;
};

/// Every check, in the order in which an engineer asks the questions.
std::span<const Check> all_checks() noexcept;

/// nullptr when there is none of that name.
const Check* find_check(std::string_view name) noexcept;

/// Runs the named checks (all that have a use when `names` is empty) in table order. Throws
/// UsageError for a name that is none, with the nearest one.
std::vector<Finding> run_checks(const Evidence& evidence, const std::vector<std::string>& names);

}  // namespace claimstorm
