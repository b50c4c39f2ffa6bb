#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "checkers/by_user.h"
#include "checkers/user_parts.h"
#include "model/evidence.h"

namespace claimstorm {

/// A claim that was served, in time.
struct Served {
    ByUser::Index at = 0;            ///< the attempt it began with
    TimeNs began = kNever;           ///< when the first attempt that told of it began
    TimeNs told = kNever;            ///< when the first answer that tells of it was complete
    TimeNs may_have_begun = kNever;  ///< `began`, or an earlier unanswered attempt of its user
    std::int64_t ticket = kNoNumber;
};

/// Of each user, the unanswered attempt that began first: 4 bytes a user, and none where every
/// attempt was answered.
class Unanswered {
  public:
    explicit Unanswered(const Evidence& evidence);

    bool empty() const noexcept { return first_.empty(); }
    /// kNoAttempt for a user without any.
    ByUser::Index attempt(UserId user) const { return empty() ? kNoAttempt : first_.at(user); }
    /// When that attempt was sent; kNever for a user without any.
    TimeNs began(UserId user) const {
        const ByUser::Index at = attempt(user);
        return at == kNoAttempt ? kNever : history_.attempts[at].sent_ns;
    }

  private:
    const History& history_;
    std::vector<ByUser::Index> first_;
};

inline constexpr TimeNs kSinceEver = std::numeric_limits<TimeNs>::min();

/// One for each distinct promise that began after `after`, by user. Users with rows from before the
/// storm may be given their old answer again and are left out.
std::vector<Served> claims_told(const Evidence& evidence, const Unanswered& unanswered,
                                TimeNs after = kSinceEver);

}  // namespace claimstorm
