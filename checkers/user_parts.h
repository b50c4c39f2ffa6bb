#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "checkers/by_user.h"
#include "model/by_value_iterator.h"
#include "model/packed_rows.h"

namespace claimstorm {

/// No such attempt.
inline constexpr ByUser::Index kNoAttempt = std::numeric_limits<ByUser::Index>::max();

/// What matters of one user's attempts, as positions in the history.
struct UserPart {
    ByUser::Index granted = kNoAttempt;     ///< of the granted ones, the one sent first
    ByUser::Index told = kNoAttempt;        ///< of the granted ones, the one answered first
    ByUser::Index unanswered = kNoAttempt;  ///< unknown or pending, sent first
    ByUser::Index failed = kNoAttempt;      ///< throttled or rejected, sent first
    ByUser::Index duplicate = kNoAttempt;   ///< already_claimed, answered first
    ByUser::Index refused = kNoAttempt;     ///< sold_out, sent last
    bool two_claims = false;                ///< granted answers with two different claim ids
};

/// The part of each user, by user: some 4 bytes for each kind of attempt that users really have.
/// Read like a vector that is const, as an AttemptList is.
class UserPartList {
  public:
    using value_type = UserPart;
    using const_iterator = ByValueIterator<UserPartList>;

    std::size_t size() const noexcept { return rows_.size(); }
    /// Precondition: `user < size()`.
    [[gnu::always_inline]] UserPart operator[](std::size_t user) const noexcept {
        const auto index = [&](Column column) {
            return static_cast<ByUser::Index>(rows_.value(column, user) - 1);
        };
        UserPart part;
        part.granted = index(granted);
        // Mostly the same attempt, which then takes nothing.
        part.told = part.granted ^ static_cast<ByUser::Index>(rows_.value(told, user));
        part.unanswered = index(unanswered);
        part.failed = index(failed);
        part.duplicate = index(duplicate);
        part.refused = index(refused);
        part.two_claims = rows_.value(two_claims, user) != 0;
        return part;
    }
    const_iterator begin() const noexcept { return {this, 0}; }
    const_iterator end() const noexcept { return {this, size()}; }

    void push_back(const UserPart& part) {
        // No attempt is 0: most users have few kinds.
        const auto code = [](ByUser::Index index) {
            return std::uint64_t{static_cast<ByUser::Index>(index + 1)};
        };
        rows_.push_back({code(part.granted), std::uint64_t{part.granted ^ part.told},
                         code(part.unanswered), code(part.failed), code(part.duplicate),
                         code(part.refused), std::uint64_t{part.two_claims}});
    }

  private:
    enum Column : std::size_t { granted, told, unanswered, failed, duplicate, refused, two_claims };

    PackedRows<std::size_t{two_claims} + 1> rows_;
};

}  // namespace claimstorm
