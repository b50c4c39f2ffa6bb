#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/history.h"
#include "storm/response_headers.h"
#include "storm/spec.h"

namespace claimstorm {

/// What one response said.
struct ResponseReading {
    Outcome outcome = Outcome::unknown;
    bool matched = false;  ///< false: no rule fitted, hence unknown
    std::string claim_id;  ///< empty: not carried
    std::string poll_id;   ///< the same; read from pending answers alone
    std::int64_t ticket = kNoNumber;
    std::int64_t amount_cents = kNoNumber;
};

/// The target's outcome rules, compiled. The first rule that fits wins.
class OutcomeRules {
  public:
    /// Throws UsageError naming the rule whose pointer, value or regex cannot be understood.
    OutcomeRules(const std::vector<OutcomeRule>& rules, const ResponseFields& fields);
    ~OutcomeRules();
    OutcomeRules(OutcomeRules&&) noexcept;
    OutcomeRules& operator=(OutcomeRules&&) noexcept;

    /// The headers that `read` must be given; empty for most targets.
    const HeaderNames& wanted_headers() const noexcept;

    /// Never throws for any body: what is not JSON matches no JSON rule. The body is only looked at
    /// as far as the rules and, for an outcome that has any, the fields ask for it. `headers` are
    /// those wanted, as `keep_header` gathers them.
    ResponseReading read(int status, std::string_view body, std::string_view headers = {}) const;

  private:
    struct Compiled;
    std::unique_ptr<const Compiled> compiled_;
};

}  // namespace claimstorm
