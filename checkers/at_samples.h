#pragma once

#include <cstdint>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// What the clients knew, and had asked for, at the time of one sample. Intervals are closed: what
/// touches the sample is neither before it nor after it.
struct AtSample {
    /// Distinct promises (see `Promises`) that had been told before the sample began, but for users
    /// with rows from before the storm, who may have been given their old answer again.
    std::int64_t told = 0;
    /// Of these, the ones whose rows cannot have been released and claimed again unseen: users with
    /// unanswered attempts are left out, and of answers without an id the last one counts.
    std::int64_t surely_told = 0;
    /// Claims of which rows may have stood before the sample had ended: each distinct promise, each
    /// attempt that was unanswered or failed, and those then under way whatever became of them.
    std::int64_t asked = 0;
    /// Attempts of any kind that had been sent before the sample had ended.
    std::int64_t sent = 0;
};

/// One for each sample. O(n log m) for n attempts and m samples. Precondition: there are samples.
std::vector<AtSample> count_at_samples(const Evidence& evidence);

/// How much less than what was told may be stored although all is well, or is another check's
/// business: units that are nobody's at rest (see `count_rows_gone`), and rows from before the
/// storm of users whose unanswered attempts may have claimed them anew. Precondition: the ledger
/// was read.
std::int64_t count_may_be_released(const Evidence& evidence);

/// When the first grant was told; kNever for none.
TimeNs first_grant(const History& history);

/// Rows and a backlog, of which neither is below zero: 64 bits are not run over.
std::int64_t add_counts(std::int64_t left, std::int64_t right) noexcept;

}  // namespace claimstorm
