#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// A user, as an index into a `Names` table: four bytes wherever a user is mentioned.
using UserId = std::uint32_t;

/// A user that is not known; never given by `Names`.
inline constexpr UserId kNoUser = std::numeric_limits<UserId>::max();

/// Interns user names: each distinct name gets the next id, from 0. The history, the ledger and
/// the cache's user set share one table, so that checks compare integers.
/// About name length + 16 bytes a name; at most 2^32-2 names.
class Names {
  public:
    /// The id of `name`, given on first sight.
    UserId intern(std::string_view name);
    std::optional<UserId> find(std::string_view name) const noexcept;
    /// Precondition: `id < size()`. The view lives until the next `intern`.
    std::string_view name(UserId id) const noexcept;
    std::size_t size() const noexcept { return ends_.size(); }

  private:
    std::size_t slot_of(std::string_view name) const noexcept;
    void grow();

    std::string bytes_;                 // all names, one behind the other
    std::vector<std::uint64_t> ends_;   // where each name ends in bytes_
    std::vector<std::uint32_t> slots_;  // open addressing: id + 1, 0 is free
};

/// A short text in a `TextPool`; `kNoText` for none.
enum class TextRef : std::uint64_t {};
inline constexpr TextRef kNoText{0};

/// Short texts kept one behind the other (claim ids). A text is cut at 65,535 bytes; the pool
/// holds up to 2^48 bytes.
class TextPool {
  public:
    TextRef add(std::string_view text);
    std::string_view view(TextRef ref) const noexcept;

  private:
    std::string bytes_ = std::string(1, '\0');  // offset 0 is taken, so that ref 0 is no text
};

}  // namespace claimstorm
