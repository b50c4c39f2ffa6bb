#pragma once

#include <string>

#include "model/result.h"

namespace claimstorm {

struct TextStyle {
    bool color = false;               ///< ANSI colours: only for a terminal without NO_COLOR
    std::size_t witnesses_shown = 5;  ///< a finding; what is left out is counted in words
};

/// report.txt: the verdict, each finding with its first witnesses, the gates, the storm's figures.
std::string text_report(const Result& raw, const TextStyle& style);

}  // namespace claimstorm
