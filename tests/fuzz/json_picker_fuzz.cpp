// JsonPicker says what nlohmann's DOM says. Lines up to an empty one are pointers, the rest is the
// text.
#include <vector>

#include <nlohmann/json.hpp>

#include "storm/json_picker.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;
using nlohmann::json;

namespace {

const json* find(const json& document, const json::json_pointer& pointer) {
    try {
        return document.contains(pointer) ? &document.at(pointer) : nullptr;
    } catch (const json::exception&) {
        return nullptr;  // an index beyond what can be counted
    }
}

bool is_same(const PickedValue& picked, const json* value) {
    using Kind = PickedValue::Kind;
    if (value == nullptr) return picked.kind == Kind::absent;
    switch (value->type()) {
        case json::value_t::null:
            return picked.kind == Kind::null;
        case json::value_t::boolean:
            return picked.kind == Kind::boolean && picked.boolean == value->get<bool>();
        case json::value_t::number_integer:
            return picked.kind == Kind::integer && picked.integer == value->get<std::int64_t>();
        case json::value_t::number_unsigned:
            return picked.kind == Kind::natural && picked.natural == value->get<std::uint64_t>();
        case json::value_t::number_float:
            return picked.kind == Kind::decimal && picked.real == value->get<double>() &&
                   json::parse(picked.text) == *value;
        case json::value_t::string:
            return picked.kind == Kind::text && picked.text == value->get_ref<const std::string&>();
        default:
            return picked.kind == Kind::structured;
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text = fuzz::text_of(data, size);
    JsonPicker picker;
    std::vector<std::pair<std::size_t, json::json_pointer>> wanted;
    while (!text.empty() && wanted.size() < 8) {
        const std::string line(fuzz::take_line(text));
        if (line.empty()) break;
        try {
            const std::string pointer = line == "\"\"" ? "" : line;  // the whole document
            wanted.emplace_back(picker.add(pointer), json::json_pointer(pointer));
        } catch (const json::exception&) {
            continue;
        }
    }
    // Used again and again, as a storm does: what an answer left must not be seen in the next.
    thread_local std::vector<PickedValue> picked;
    const bool is_json = picker.pick(text, picked);
    const json document = json::parse(text, nullptr, false);
    fuzz::claim(is_json == !document.is_discarded(), "both find the same texts to be JSON");
    for (const auto& [slot, pointer] : wanted) {
        fuzz::claim(is_same(picked[slot], is_json ? find(document, pointer) : nullptr),
                    "both find the same value at a pointer");
    }
    return 0;
}
