#pragma once

#include <string>
#include <string_view>

#include "model/history.h"

namespace claimstorm {

/// One line of a log, before its user has an id.
struct LoggedAttempt {
    std::string user;
    std::string claim_id;
    Attempt attempt;
    bool has_number = false;
};

/// Reads one JSON object as `import_history` describes it. Throws UsageError, which says what is
/// wrong and not where.
LoggedAttempt parse_logged_attempt(std::string_view line);

}  // namespace claimstorm
