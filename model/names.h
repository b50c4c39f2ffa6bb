#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/packed_rows.h"

namespace claimstorm {

/// A user, as an index into a `Names` table: four bytes wherever a user is mentioned.
using UserId = std::uint32_t;

/// A user that is not known; never given by `Names`.
inline constexpr UserId kNoUser = std::numeric_limits<UserId>::max();

/// Texts one behind the other in pages, each with its length before it: nothing is copied as they
/// grow, and a view lives as long as this does. At most 2^47 bytes.
class TextPages {
  public:
    /// Where the text stands: never 0 or 1.
    std::uint64_t add(std::string_view text);
    /// Precondition: `at` was given by `add`.
    std::string_view view(std::uint64_t at) const noexcept {
        const char* begin = pages_[at / kPage].data() + at % kPage;
        std::size_t length = 0;
        unsigned shift = 0;
        for (;; shift += 7) {
            const auto byte = static_cast<unsigned char>(*begin++);
            length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
            if (byte < 0x80U) return {begin, length};
        }
    }
    /// What the texts take of memory.
    std::size_t bytes() const noexcept;

  private:
    /// A text longer than this has a page of its own.
    static constexpr std::uint64_t kPage = std::uint64_t{1} << 17;

    std::vector<std::string> pages_;  // each with its room reserved
};

/// Interns user names: each distinct name gets the next id, from 0. The history, the ledger and
/// the cache's user set share one table, so that checks compare integers.
/// About name length + 13 bytes a name; at most 2^32-2 names.
class Names {
  public:
    /// Makes room for so many names at once, in place of growing again and again.
    void reserve(std::size_t names);
    /// The id of `name`, given on first sight.
    UserId intern(std::string_view name);
    std::optional<UserId> find(std::string_view name) const noexcept;
    /// Fetches into the processor's caches where `intern(name)` will look first: worth its while in
    /// large tables, some ten names ahead. Changes nothing.
    void expect(std::string_view name) const noexcept;
    /// Precondition: `id < size()`. The view lives as long as this does.
    std::string_view name(UserId id) const noexcept { return texts_.view(places_.value(0, id)); }
    std::size_t size() const noexcept { return places_.size(); }

    /// What the names take of memory.
    std::size_t bytes() const noexcept;

  private:
    std::size_t slot_of(std::string_view name, std::uint64_t hash) const noexcept;
    void take(std::size_t slot, std::uint64_t hash, UserId id);
    void grow(std::size_t slots);

    TextPages texts_;
    PackedRows<1> places_;  // of each name in texts_
    // Open addressing. The tags, a byte of the hash each and 0 for a free slot, stand by
    // themselves: a search walks along them and looks at a name only where it is likely the one.
    std::vector<std::uint8_t> tags_;
    std::vector<UserId> ids_;
};

/// A short text in a `TextPool`; `kNoText` for none.
enum class TextRef : std::uint64_t {};
inline constexpr TextRef kNoText{0};

/// Short texts (claim ids). A text is cut at 65,535 bytes.
class TextPool {
  public:
    TextRef add(std::string_view text) {
        return text.empty() ? kEmpty : TextRef{pages_.add(text.substr(0, 0xFFFF))};
    }
    /// Empty for `kNoText`. The view lives as long as this does.
    std::string_view view(TextRef ref) const noexcept {
        return is_empty(ref) ? std::string_view() : pages_.view(static_cast<std::uint64_t>(ref));
    }
    /// Whether `view(ref)` is empty, told without looking at any text.
    static bool is_empty(TextRef ref) noexcept { return ref <= kEmpty; }

    /// What the texts take of memory.
    std::size_t bytes() const noexcept { return pages_.bytes(); }

  private:
    static constexpr TextRef kEmpty{1};

    TextPages pages_;
};

}  // namespace claimstorm
