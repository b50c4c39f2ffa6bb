#pragma once

#include <string>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// The database's counter beside the rows, and the cache's beside the database's, each with the
/// pattern that the two name. A sentence is left out where the evidence does not say.
std::vector<std::string> compare_counters(const Evidence& evidence);

}  // namespace claimstorm
