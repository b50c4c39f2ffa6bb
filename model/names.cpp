#include "model/names.h"

#include <functional>

namespace claimstorm {

UserId Names::intern(std::string_view name) {
    if (slots_.empty() || ends_.size() * 4 >= slots_.size() * 3) grow();
    const std::size_t slot = slot_of(name);
    if (slots_[slot] != 0) return slots_[slot] - 1;
    bytes_.append(name);
    ends_.push_back(bytes_.size());
    slots_[slot] = static_cast<std::uint32_t>(ends_.size());
    return static_cast<UserId>(ends_.size() - 1);
}

std::optional<UserId> Names::find(std::string_view name) const noexcept {
    if (slots_.empty()) return std::nullopt;
    const std::uint32_t taken = slots_[slot_of(name)];
    if (taken == 0) return std::nullopt;
    return taken - 1;
}

std::string_view Names::name(UserId id) const noexcept {
    const std::size_t begin = id == 0 ? 0 : ends_[id - 1];
    return std::string_view(bytes_).substr(begin, ends_[id] - begin);
}

std::size_t Names::slot_of(std::string_view name) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = std::hash<std::string_view>{}(name)&mask;
    while (slots_[slot] != 0 && this->name(slots_[slot] - 1) != name) slot = (slot + 1) & mask;
    return slot;
}

void Names::grow() {
    slots_.assign(slots_.empty() ? 64 : slots_.size() * 2, 0);
    for (std::size_t id = 0; id < ends_.size(); ++id) {
        slots_[slot_of(name(static_cast<UserId>(id)))] = static_cast<std::uint32_t>(id + 1);
    }
}

TextRef TextPool::add(std::string_view text) {
    text = text.substr(0, 0xFFFF);
    const std::uint64_t offset = bytes_.size();
    bytes_.append(text);
    return TextRef{offset << 16 | text.size()};
}

std::string_view TextPool::view(TextRef ref) const noexcept {
    const auto packed = static_cast<std::uint64_t>(ref);
    return std::string_view(bytes_).substr(packed >> 16, packed & 0xFFFF);
}

}  // namespace claimstorm
