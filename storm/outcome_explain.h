#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "storm/outcome_rules.h"
#include "storm/spec.h"

namespace claimstorm {

/// What one part of an outcome rule made of an answer.
struct PartExplained {
    bool fits = false;
    std::string text;  ///< "status is 200, wanted 409", "/code is 0", "/code is absent, wanted 0"
};

struct RuleExplained {
    bool fits = false;  ///< all of its parts do; the first such rule is the one that counts
    Outcome is = Outcome::unknown;
    std::vector<PartExplained> parts;  ///< none: the rule fits any answer
};

/// What was found where a field is said to be.
struct FieldExplained {
    std::string name;    ///< "claim_id"
    std::string source;  ///< "/data/id", "header Location", "regex order=(\d+)"
    bool is_read = false;
    std::string text;  ///< the value, or why there is none
};

/// How each rule reads an answer, by the same reading as a storm's. For a person: slow.
std::vector<RuleExplained> explain_rules(const std::vector<OutcomeRule>& rules, int status,
                                         std::string_view body);

/// How each field that is named reads an answer that told this outcome.
std::vector<FieldExplained> explain_fields(const ResponseFields& fields, Outcome outcome,
                                           std::string_view body, std::string_view headers);

}  // namespace claimstorm
