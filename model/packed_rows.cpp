#include "model/packed_rows.h"

#include <algorithm>

namespace claimstorm {
namespace {

/// How many values a list has room for at first.
constexpr std::size_t kFirstRoom = 16;

}  // namespace

void PackedColumn::widen(std::uint64_t value, std::size_t size, std::size_t room) {
    const std::size_t bits =
        std::max<std::size_t>(1, static_cast<std::size_t>(std::bit_width(value)));
    const std::size_t width = (bits + 7) / 8;
    PackedColumn wider;
    wider.width_ = width;
    wider.mask_ = ~std::uint64_t{0} >> (64 - 8 * width);
    wider.bytes_.resize(std::max({size, room, kFirstRoom}) * width + sizeof value);
    for (std::size_t at = 0; at < size; ++at) wider.put(at, (*this)[at], size, room);
    *this = std::move(wider);
}

void PackedColumn::grow(std::size_t at, std::size_t room) {
    const std::size_t values = std::max({2 * at, room, kFirstRoom});
    bytes_.resize(values * width_ + sizeof(std::uint64_t));
}

}  // namespace claimstorm
