#pragma once

#include <cstddef>
#include <string_view>

#include "model/history.h"
#include "model/names.h"
#include "model/packed_rows.h"

namespace claimstorm {

/// The claim id that each user was told last. A row most often carries just that one, and then its
/// text need not be kept a second time. 4 or 5 bytes a user.
class ToldIds {
  public:
    ToldIds() = default;
    /// Precondition: the attempts' users are below `users`.
    ToldIds(const AttemptList& attempts, std::size_t users);

    /// `text` in `texts`, where the user's attempts have theirs: what is there, or added.
    TextRef add(TextPool& texts, UserId user, std::string_view text) const {
        if (user < by_user_.size()) {
            const TextRef told{by_user_.value(0, user)};
            if (told != kNoText && texts.view(told) == text) return told;
        }
        return texts.add(text);
    }

  private:
    PackedRows<1> by_user_;
};

}  // namespace claimstorm
