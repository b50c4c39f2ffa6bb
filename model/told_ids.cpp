#include "model/told_ids.h"

namespace claimstorm {

ToldIds::ToldIds(const AttemptList& attempts, std::size_t users) {
    for (std::size_t user = 0; user < users; ++user) by_user_.push_back({0});
    for (const Attempt& attempt : attempts) {
        if (attempt.claim_id == kNoText) continue;
        by_user_.set(attempt.user, {static_cast<std::uint64_t>(attempt.claim_id)});
    }
}

}  // namespace claimstorm
