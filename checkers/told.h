#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// How many claim ids or attempts one witness lists; its sentence counts them all.
inline constexpr std::size_t kListedPerWitness = 20;

/// The attempts of a few users, found in one pass over the history.
class AttemptsOf {
  public:
    AttemptsOf(const Evidence& evidence, std::vector<UserId> users);

    /// What `user` was told, as the end of a sentence that begins with the user: "was told granted
    /// (attempt 7)", "was told sold_out (attempt 7)", "took no part in the storm".
    /// Precondition: `user` is one of those given.
    std::string what_was_told(UserId user) const;

    /// The attempts that sentence speaks of, at most kListedPerWitness.
    std::vector<std::uint64_t> listed(UserId user) const;

  private:
    std::span<const std::uint64_t> telling(UserId user) const;

    const History& history_;
    std::vector<UserId> users_;                        // sorted; of twins, the first one counts
    std::vector<std::vector<std::uint64_t>> telling_;  // per user, the most telling attempts
};

/// "attempt 7", "attempts 7, 9", "attempts 7, 9 and 3 more".
std::string attempts_in_words(std::span<const std::uint64_t> attempts);

}  // namespace claimstorm
