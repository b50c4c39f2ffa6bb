#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// Positions in a list of attempts or of claim rows, grouped by user; within a user sorted by claim
/// id (those without one first), then by position. Made for tens of millions of items: a counting
/// sort over the dense user ids, 4 bytes an item and 4 a user, nothing allocated per user.
/// Lists of up to 2^32-1 items.
class ByUser {
  public:
    using Index = std::uint32_t;

    ByUser() = default;

    /// Groups the items for which `keep(item)` is true. Throws std::out_of_range for an item whose
    /// user is not below `users`: such evidence was put together wrongly.
    template <typename Items, typename Keep>
    ByUser(const Items& items, std::size_t users, const TextPool& texts, Keep keep)
        : begins_(users + 1) {
        for (const auto& item : items) {
            if (keep(item)) ++begins_.at(item.user + std::size_t{1});
        }
        for (std::size_t user = 0; user < users; ++user) begins_[user + 1] += begins_[user];
        items_.resize(begins_.back());
        // Placing moves each begin to its group's end; shifting them by one puts them back.
        for (std::size_t at = 0; at < items.size(); ++at) {
            if (keep(items[at])) items_[begins_[items[at].user]++] = static_cast<Index>(at);
        }
        for (std::size_t user = users; user > 0; --user) begins_[user] = begins_[user - 1];
        begins_[0] = 0;
        for (std::size_t user = 0; user < users; ++user) {
            sort_by_id(begins_[user], begins_[user + 1],
                       [&](Index at) { return texts.view(items[at].claim_id); });
        }
    }

    /// The positions of one user's items; empty for a user without any.
    std::span<const Index> of(UserId user) const noexcept {
        if (user + std::size_t{1} >= begins_.size()) return {};
        return std::span(items_).subspan(begins_[user], begins_[user + 1] - begins_[user]);
    }

    std::size_t size() const noexcept { return items_.size(); }

  private:
    template <typename IdOf>
    void sort_by_id(Index begin, Index end, IdOf id_of) {
        if (end - begin < 2) return;
        const auto group = std::span(items_).subspan(begin, end - begin);
        std::sort(group.begin(), group.end(), [&](Index left, Index right) {
            const int order = id_of(left).compare(id_of(right));
            return order < 0 || (order == 0 && left < right);
        });
    }

    std::vector<Index> begins_;  // where each user's group begins in items_; one more than users
    std::vector<Index> items_;
};

/// The granted attempts of each user.
ByUser grants_by_user(const Evidence& evidence);

/// The rows of each user. An unread ledger counts as an empty one.
ByUser rows_by_user(const Evidence& evidence, const Reading<Ledger>& ledger);

/// Adds to `added` the rows of one user that `after` has and `before` has not, as multisets of
/// claim ids; rows without an id cancel each other by number.
void subtract_rows(const Evidence& evidence, std::span<const ByUser::Index> after,
                   std::span<const ByUser::Index> before, std::vector<ByUser::Index>& added);

}  // namespace claimstorm
