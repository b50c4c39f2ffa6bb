#pragma once

#include <string>
#include <vector>

#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

/// What a violated finding means beside the rest of the evidence, in sentences for an engineer:
/// really oversold, or only promised; the same users, or different ones; which counters agree, and
/// what pattern they name; when the excess began; who is owed; what to look at next. A sentence is
/// left out where the evidence does not say. Empty for findings that say all there is themselves.
std::vector<std::string> diagnose(const Evidence& evidence, const Finding& finding);

}  // namespace claimstorm
