#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace claimstorm {

/// Unsigned integers, each in as many bytes as the widest of them needs: none while all are 0.
/// Reading is a load and a mask, whatever the width.
class PackedColumn {
  public:
    /// Precondition: `at` is below the number of values appended.
    [[gnu::always_inline]] std::uint64_t operator[](std::size_t at) const noexcept {
        std::uint64_t value = 0;
        std::memcpy(&value, bytes_.data() + at * width_, sizeof value);
        return value & mask_;
    }

    /// Overwrites value `at` of `size`, or appends it when they are equal. `room` is how many
    /// values are expected in all.
    void put(std::size_t at, std::uint64_t value, std::size_t size, std::size_t room) {
        if ((value & ~mask_) != 0) widen(value, size, room);
        if (width_ == 0) return;
        if (at * width_ + sizeof value > bytes_.size()) grow(at, room);
        std::uint64_t word = 0;
        std::memcpy(&word, bytes_.data() + at * width_, sizeof word);
        word = (word & ~mask_) | value;
        std::memcpy(bytes_.data() + at * width_, &word, sizeof word);
    }

    std::size_t bytes() const noexcept { return bytes_.capacity(); }

  private:
    static_assert(std::endian::native == std::endian::little,
                  "a narrow value is read as the low end of a word");

    void widen(std::uint64_t value, std::size_t size, std::size_t room);
    void grow(std::size_t at, std::size_t room);

    // A word may be read at the last value: the vector ends behind it.
    std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(sizeof(std::uint64_t));
    std::uint64_t mask_ = 0;
    std::size_t width_ = 0;
};

/// Rows of `kColumns` unsigned integers, kept in blocks, each of which packs its columns by itself:
/// one wide value costs its block, and growing never copies more than a block. Values that are all
/// 0 cost nothing, so 0 is for what is rarely there.
template <std::size_t kColumns>
class PackedRows {
  public:
    using Values = std::array<std::uint64_t, kColumns>;

    std::size_t size() const noexcept { return size_; }

    /// Precondition: `at < size()`.
    [[gnu::always_inline]] std::uint64_t value(std::size_t column, std::size_t at) const noexcept {
        return blocks_[at / kBlock][column][at % kBlock];
    }

    void push_back(const Values& values) {
        if (size_ % kBlock == 0) blocks_.resize(size_ / kBlock + 1);
        put(size_, values);
        ++size_;
    }

    /// Precondition: `at < size()`.
    void set(std::size_t at, const Values& values) { put(at, values); }

    /// Drops the rows from `size` on. Precondition: `size <= size()`.
    void truncate(std::size_t size) {
        size_ = size;
        blocks_.resize((size + kBlock - 1) / kBlock);
    }

    /// What is allocated.
    std::size_t bytes() const noexcept {
        std::size_t sum = blocks_.capacity() * sizeof(Block);
        for (const Block& block : blocks_) {
            for (const PackedColumn& column : block) sum += column.bytes();
        }
        return sum;
    }

  private:
    static constexpr std::size_t kBlock = std::size_t{1} << 15;
    using Block = std::array<PackedColumn, kColumns>;

    void put(std::size_t at, const Values& values) {
        Block& block = blocks_[at / kBlock];
        const std::size_t first = at / kBlock * kBlock;
        const std::size_t in_block = std::min(size_ - first, kBlock);
        // The first block grows with what it holds: most lists are short.
        const std::size_t room = first == 0 ? 0 : kBlock;
        for (std::size_t column = 0; column < kColumns; ++column) {
            block[column].put(at - first, values[column], in_block, room);
        }
    }

    std::vector<Block> blocks_;
    std::size_t size_ = 0;
};

/// A signed value as an unsigned one that is small when it is near `base`, and 0 when it is `none`.
/// Every value has a code of its own: the differences, in zigzag order, are counted from 1, and
/// `none` is taken out of its place among them.
constexpr std::uint64_t code_unless(std::int64_t value, std::int64_t none, std::int64_t base) {
    const auto zigzag = [base](std::int64_t of) {
        const std::uint64_t difference =
            static_cast<std::uint64_t>(of) - static_cast<std::uint64_t>(base);
        return (difference << 1) ^ (0 - (difference >> 63));
    };
    const std::uint64_t code = zigzag(value);
    const std::uint64_t gap = zigzag(none);
    if (code == gap) return 0;
    return code < gap ? code + 1 : code;
}

/// The value behind such a code.
constexpr std::int64_t value_unless(std::uint64_t code, std::int64_t none, std::int64_t base) {
    if (code == 0) return none;
    const std::uint64_t far = static_cast<std::uint64_t>(none) - static_cast<std::uint64_t>(base);
    const std::uint64_t gap = (far << 1) ^ (0 - (far >> 63));
    const std::uint64_t zigzag = code <= gap ? code - 1 : code;
    const std::uint64_t difference = (zigzag >> 1) ^ (0 - (zigzag & 1));
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(base) + difference);
}

}  // namespace claimstorm
