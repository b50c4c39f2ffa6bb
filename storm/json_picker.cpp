#include "storm/json_picker.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

namespace claimstorm {
namespace {

using nlohmann::json;

/// "0", "17": an array's index is written without leading zeros.
std::size_t array_index(const std::string& token, std::size_t none) {
    if (token.empty() || (token.size() > 1 && token.front() == '0')) return none;
    std::size_t index = 0;
    const char* end = token.data() + token.size();
    const auto [rest, error] = std::from_chars(token.data(), end, index);
    return error == std::errc{} && rest == end ? index : none;
}

}  // namespace

/// Takes nlohmann's parse events. It follows the tree of tokens as long as the path in the text
/// does, and counts brackets where it does not.
class JsonPicker::Walk {
  public:
    Walk(const JsonPicker& picker, std::vector<PickedValue>& picked)
        : nodes_(picker.nodes_), picked_(picked) {}

    // The names below are what nlohmann calls them.
    bool null() {
        if (PickedValue* value = begin_value()) value->kind = PickedValue::Kind::null;
        return true;
    }
    bool boolean(bool truth) {
        if (PickedValue* value = begin_value()) {
            value->kind = PickedValue::Kind::boolean;
            value->boolean = truth;
        }
        return true;
    }
    bool number_integer(json::number_integer_t number) {
        if (PickedValue* value = begin_value()) {
            value->kind = PickedValue::Kind::integer;
            value->integer = number;
        }
        return true;
    }
    bool number_unsigned(json::number_unsigned_t number) {
        if (PickedValue* value = begin_value()) {
            value->kind = PickedValue::Kind::natural;
            value->natural = number;
        }
        return true;
    }
    bool number_float(json::number_float_t number, const std::string& written) {
        if (PickedValue* value = begin_value()) {
            value->kind = PickedValue::Kind::decimal;
            value->real = number;
            value->text = written;
        }
        return true;
    }
    bool string(std::string& text) {
        if (PickedValue* value = begin_value()) {
            value->kind = PickedValue::Kind::text;
            value->text = text;
        }
        return true;
    }
    bool binary(json::binary_t& /*bytes*/) { return true; }  // no JSON text has any
    bool start_object(std::size_t /*size*/) { return open(false); }
    bool start_array(std::size_t /*size*/) { return open(true); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }
    bool key(std::string& name) {
        if (beside_ > 0) return true;
        next_ = kNone;
        for (const std::size_t child : nodes_[levels_.back().node].children) {
            if (nodes_[child].token == name) next_ = child;
        }
        return true;
    }
    bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                     const json::exception& /*error*/) {
        return false;
    }

  private:
    struct Level {
        std::size_t node;
        bool is_array;
        std::size_t index;  // of the array's next element
    };

    /// The tree's node for the value that begins here; kNone beside the paths.
    std::size_t node_here() {
        if (beside_ > 0) return kNone;
        if (levels_.empty()) return 0;
        Level& level = levels_.back();
        if (!level.is_array) return next_;
        const std::size_t index = level.index++;
        for (const std::size_t child : nodes_[level.node].children) {
            if (nodes_[child].index == index) return child;
        }
        return kNone;
    }

    /// What an earlier key of the same name left behind counts no more.
    void forget(std::size_t node) {
        if (nodes_[node].slot != kNone) {
            picked_[nodes_[node].slot].kind = PickedValue::Kind::absent;
        }
        for (const std::size_t child : nodes_[node].children) forget(child);
    }

    PickedValue* slot_of(std::size_t node) {
        if (node == kNone) return nullptr;
        forget(node);
        return nodes_[node].slot == kNone ? nullptr : &picked_[nodes_[node].slot];
    }
    PickedValue* begin_value() { return slot_of(node_here()); }

    bool open(bool is_array) {
        const std::size_t node = node_here();
        if (PickedValue* value = slot_of(node)) value->kind = PickedValue::Kind::structured;
        if (node == kNone || nodes_[node].children.empty()) {
            ++beside_;
        } else {
            levels_.push_back({node, is_array, 0});
        }
        return true;
    }
    bool close() {
        if (beside_ > 0) {
            --beside_;
        } else {
            levels_.pop_back();
        }
        return true;
    }

    const std::vector<Node>& nodes_;
    std::vector<PickedValue>& picked_;
    std::vector<Level> levels_;  // the objects and arrays that are open, on the pointers' paths
    std::size_t beside_ = 0;     // how many are open beside them
    std::size_t next_ = kNone;   // the node of the key just read
};

std::size_t JsonPicker::add(const std::string& pointer) {
    json::json_pointer rest(pointer);
    std::vector<std::string> tokens;
    for (; !rest.empty(); rest.pop_back()) tokens.push_back(rest.back());
    std::size_t at = 0;
    std::reverse(tokens.begin(), tokens.end());
    for (const std::string& token : tokens) {
        const auto& children = nodes_[at].children;
        const auto found = std::find_if(children.begin(), children.end(), [&](std::size_t child) {
            return nodes_[child].token == token;
        });
        if (found != children.end()) {
            at = *found;
            continue;
        }
        const std::size_t added = nodes_.size();
        nodes_[at].children.push_back(added);
        nodes_.push_back({token, array_index(token, kNone), kNone, {}});
        at = added;
    }
    if (nodes_[at].slot == kNone) nodes_[at].slot = slots_++;
    return nodes_[at].slot;
}

bool JsonPicker::pick(std::string_view text, std::vector<PickedValue>& picked) const {
    picked.resize(slots_);
    for (PickedValue& value : picked) value.kind = PickedValue::Kind::absent;
    Walk walk(*this, picked);
    if (json::sax_parse(text.begin(), text.end(), &walk)) return true;
    for (PickedValue& value : picked) value.kind = PickedValue::Kind::absent;
    return false;
}

}  // namespace claimstorm
