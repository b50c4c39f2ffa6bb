#include "model/names.h"

#include <algorithm>
#include <functional>

namespace claimstorm {
namespace {

std::uint64_t hash_of(std::string_view name) noexcept {
    return std::hash<std::string_view>{}(name);
}

/// Whether a table of so many slots wants to grow before another name comes to the `names`.
bool is_full(std::size_t names, std::size_t slots) noexcept {
    return names * 4 >= slots * 3;
}

/// The end of the hash that does not choose the slot; 0 is for a free one.
std::uint8_t tag_of(std::uint64_t hash) noexcept {
    return static_cast<std::uint8_t>(hash >> 56 | 1U);
}

}  // namespace

std::uint64_t TextPages::add(std::string_view text) {
    constexpr std::size_t kLengthMax = 10;  // bytes that a length takes
    constexpr std::size_t kFront = 2;       // of a page: no text stands at 0 or 1
    const std::size_t needed = kFront + kLengthMax + text.size();
    if (pages_.empty() ||
        pages_.back().size() + needed > std::min<std::size_t>(pages_.back().capacity(), kPage)) {
        pages_.emplace_back().reserve(std::max<std::size_t>(needed, kPage));
        pages_.back().append(kFront, '\0');
    }
    std::string& page = pages_.back();
    const std::uint64_t at = (pages_.size() - 1) * kPage + page.size();
    std::size_t length = text.size();
    for (; length >= 0x80U; length >>= 7) {
        page.push_back(static_cast<char>((length & 0x7FU) | 0x80U));
    }
    page.push_back(static_cast<char>(length));
    page.append(text);
    return at;
}

std::size_t TextPages::bytes() const noexcept {
    std::size_t sum = pages_.capacity() * sizeof(std::string);
    for (const std::string& page : pages_) sum += page.capacity();
    return sum;
}

void Names::reserve(std::size_t names) {
    std::size_t slots = std::max<std::size_t>(tags_.size(), 64);
    while (is_full(names, slots)) slots *= 2;
    if (slots > tags_.size()) grow(slots);
}

UserId Names::intern(std::string_view name) {
    if (is_full(size(), tags_.size())) reserve(size());
    const std::uint64_t hash = hash_of(name);
    const std::size_t slot = slot_of(name, hash);
    if (tags_[slot] != 0) return ids_[slot];
    const auto id = static_cast<UserId>(size());
    places_.push_back({texts_.add(name)});
    take(slot, hash, id);
    return id;
}

std::optional<UserId> Names::find(std::string_view name) const noexcept {
    if (tags_.empty()) return std::nullopt;
    const std::size_t slot = slot_of(name, hash_of(name));
    if (tags_[slot] == 0) return std::nullopt;
    return ids_[slot];
}

void Names::expect(std::string_view name) const noexcept {
    if (tags_.empty()) return;
    const std::size_t slot = hash_of(name) & (tags_.size() - 1);
    __builtin_prefetch(&tags_[slot]);
    __builtin_prefetch(&ids_[slot]);
}

std::size_t Names::bytes() const noexcept {
    return texts_.bytes() + places_.bytes() + tags_.capacity() + ids_.capacity() * sizeof(UserId);
}

std::size_t Names::slot_of(std::string_view name, std::uint64_t hash) const noexcept {
    const std::size_t mask = tags_.size() - 1;
    const std::uint8_t tag = tag_of(hash);
    std::size_t slot = hash & mask;
    while (tags_[slot] != 0 && (tags_[slot] != tag || this->name(ids_[slot]) != name)) {
        slot = (slot + 1) & mask;
    }
    return slot;
}

void Names::take(std::size_t slot, std::uint64_t hash, UserId id) {
    tags_[slot] = tag_of(hash);
    ids_[slot] = id;
}

/// To so many slots, a power of two.
void Names::grow(std::size_t slots) {
    tags_.assign(slots, 0);
    ids_ = {};  // gone before the new ones are made
    ids_.resize(slots);
    for (std::size_t id = 0; id < size(); ++id) {
        const std::uint64_t hash = hash_of(name(static_cast<UserId>(id)));
        std::size_t slot = hash & (slots - 1);
        while (tags_[slot] != 0) slot = (slot + 1) & (slots - 1);  // no two names are the same
        take(slot, hash, static_cast<UserId>(id));
    }
}

}  // namespace claimstorm
