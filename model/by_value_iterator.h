#pragma once

#include <compare>
#include <cstddef>
#include <iterator>

namespace claimstorm {

/// Walks a list whose `operator[]` gives elements by value.
template <typename List>
class ByValueIterator {
  public:
    // What C++20 asks for is met in full; C++17's algorithms want references for more than this.
    using iterator_concept = std::random_access_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = typename List::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = value_type;
    using pointer = void;

    ByValueIterator() = default;
    ByValueIterator(const List* list, std::size_t at) : list_(list), at_(at) {}

    [[gnu::always_inline]] value_type operator*() const { return (*list_)[at_]; }
    value_type operator[](difference_type by) const { return *(*this + by); }
    ByValueIterator& operator++() {
        ++at_;
        return *this;
    }
    ByValueIterator operator++(int) {
        ByValueIterator before = *this;
        ++at_;
        return before;
    }
    ByValueIterator& operator--() {
        --at_;
        return *this;
    }
    ByValueIterator operator--(int) {
        ByValueIterator before = *this;
        --at_;
        return before;
    }
    ByValueIterator& operator+=(difference_type by) {
        at_ += static_cast<std::size_t>(by);
        return *this;
    }
    ByValueIterator& operator-=(difference_type by) { return *this += -by; }
    friend ByValueIterator operator+(ByValueIterator it, difference_type by) { return it += by; }
    friend ByValueIterator operator+(difference_type by, ByValueIterator it) { return it += by; }
    friend ByValueIterator operator-(ByValueIterator it, difference_type by) { return it -= by; }
    friend difference_type operator-(const ByValueIterator& left, const ByValueIterator& right) {
        return static_cast<difference_type>(left.at_) - static_cast<difference_type>(right.at_);
    }
    friend bool operator==(const ByValueIterator& left, const ByValueIterator& right) {
        return left.at_ == right.at_;
    }
    friend auto operator<=>(const ByValueIterator& left, const ByValueIterator& right) {
        return left.at_ <=> right.at_;
    }

  private:
    const List* list_ = nullptr;
    std::size_t at_ = 0;
};

}  // namespace claimstorm
