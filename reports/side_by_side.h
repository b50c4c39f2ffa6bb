#pragma once

#include <string>

#include "model/result.h"
#include "reports/text_report.h"

namespace claimstorm {

/// Two judged runs as a table of two columns: the verdicts, each check either of them judged with
/// the summary of what does not hold, and the figures people compare. Checks skipped by both are
/// left out; one that a run did not have is shown as "-".
std::string side_by_side(const Result& left, const Result& right, const TextStyle& style);

}  // namespace claimstorm
