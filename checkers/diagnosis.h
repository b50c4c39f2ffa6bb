#pragma once

#include <string>
#include <vector>

#include "checkers/explanation.h"
#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

/// What a violated finding means beside the rest of the evidence, in sentences for an engineer:
/// really oversold, or only promised; the same users, or different ones; which counters agree, and
/// what pattern they name; when the excess began; who is owed; and always, in the last of them,
/// what to look at next ("next: …"). A sentence is left out where the evidence does not say. Empty
/// for a finding that is not violated. `explanation` is the one of its check.
std::vector<std::string> diagnose(const Evidence& evidence, const Finding& finding,
                                  const Explanation& explanation);

}  // namespace claimstorm
