#pragma once

#include <string>

#include "storm/histogram.h"

namespace claimstorm {

/// The percentile distribution in the text form of HdrHistogram (`.hgrm`), which its plotters read:
/// values in milliseconds, five lines for every halving of what is left above.
std::string hgrm_text(const Histogram& histogram);

}  // namespace claimstorm
