#pragma once

#include <optional>

#include "model/evidence.h"
#include "model/result.h"

namespace claimstorm {

/// What the samples show of a run; none when its stores were not watched. What a figure needs and
/// the evidence lacks leaves that figure out.
std::optional<WatchFigures> watch_figures(const Evidence& evidence);

}  // namespace claimstorm
