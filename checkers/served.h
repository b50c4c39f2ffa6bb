#pragma once

#include <cstdint>
#include <vector>

#include "checkers/by_user.h"
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

/// The unanswered attempt of a user that began first; kNever for none.
struct Unanswered {
    TimeNs began = kNever;
    ByUser::Index at = 0;
};

/// By user.
std::vector<Unanswered> find_unanswered(const Evidence& evidence);

/// One for each distinct promise, by user. Users with rows from before the storm may be given their
/// old answer again and are left out.
std::vector<Served> claims_told(const Evidence& evidence);

}  // namespace claimstorm
