#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// A value found in a JSON text. Numbers keep what double cannot hold.
struct PickedValue {
    enum class Kind : std::uint8_t {
        absent,
        null,
        boolean,
        integer,     ///< negative: `integer`
        natural,     ///< 0 or above: `natural`
        decimal,     ///< `real`, and as it was written in `text`
        text,        ///< `text`
        structured,  ///< an object or an array: only that it is there
    };
    Kind kind = Kind::absent;
    bool boolean = false;
    std::int64_t integer = 0;
    std::uint64_t natural = 0;
    double real = 0;
    std::string text;
};

/// Takes the values at a few JSON pointers out of a text in one pass over it: no document is built
/// and whatever lies beside the pointers' paths is only checked for being JSON. Says what
/// nlohmann's DOM would: of a key that stands twice in an object the last counts.
class JsonPicker {
  public:
    /// The slot that the value at `pointer` will be found in; equal pointers share one. Throws
    /// nlohmann::json::exception for what is no JSON pointer.
    std::size_t add(const std::string& pointer);

    std::size_t slots() const noexcept { return slots_; }

    /// Fills `picked`, one value a slot. False, with all absent, when `text` is not JSON.
    /// `picked` may be used again and again: its texts keep their memory.
    bool pick(std::string_view text, std::vector<PickedValue>& picked) const;

  private:
    class Walk;
    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    /// The pointers' tokens as a tree; node 0 is the whole document.
    struct Node {
        std::string token;
        std::size_t index = kNone;  // the token as an array's index, if it can be one
        std::size_t slot = kNone;
        std::vector<std::size_t> children;
    };

    std::vector<Node> nodes_ = std::vector<Node>(1);
    std::size_t slots_ = 0;
};

}  // namespace claimstorm
