#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "storm/json_picker.h"
#include "storm/random.h"

using namespace claimstorm;
using nlohmann::json;
using Kind = PickedValue::Kind;

namespace {

PickedValue pick_one(const std::string& pointer, std::string_view text) {
    JsonPicker picker;
    const std::size_t slot = picker.add(pointer);
    std::vector<PickedValue> picked;
    picker.pick(text, picked);
    return picked[slot];
}

/// What the picked value is as JSON; an object or an array counts as its kind alone.
std::string told(const PickedValue& value) {
    switch (value.kind) {
        case Kind::absent:
            return "absent";
        case Kind::null:
            return "null";
        case Kind::boolean:
            return value.boolean ? "true" : "false";
        case Kind::integer:
            return json(value.integer).dump();
        case Kind::natural:
            return json(value.natural).dump();
        case Kind::decimal:
            return json(value.real).dump();
        case Kind::text:
            return json(value.text).dump();
        case Kind::structured:
            return "structured";
    }
    return "";
}

std::string told_by_document(const std::string& pointer, const std::string& text) try {
    const json document = json::parse(text, nullptr, false);
    const json::json_pointer at(pointer);
    if (document.is_discarded() || !document.contains(at)) return "absent";
    return document.at(at).is_structured() ? "structured" : document.at(at).dump();
} catch (const json::out_of_range&) {
    return "absent";  // contains() throws for an array's element of the name ""
}

/// A small document with few names, so that pointers hit, keys stand twice and types differ.
std::string random_document(Random& random, int depth) {
    switch (random.below(depth > 0 ? 9 : 6)) {
        case 0:
            return "null";
        case 1:
            return "true";
        case 2:
            return "-17";
        case 3:
            return "1.50";
        case 4:
            return "\"a\\n\\u00e9\"";
        case 5:
            return "42";
        case 6: {
            std::string list = "[";
            const std::uint64_t size = random.below(4);
            for (std::uint64_t i = 0; i < size; ++i) {
                list += (i == 0 ? "" : ",") + random_document(random, depth - 1);
            }
            return list + "]";
        }
        default: {
            constexpr const char* kKeys[] = {"a", "b", "0", "1", "", "~"};
            std::string object = "{";
            const std::uint64_t size = random.below(4);
            for (std::uint64_t i = 0; i < size; ++i) {
                object += std::string(i == 0 ? "" : ",") + "\"" + kKeys[random.below(6)] +
                          "\": " + random_document(random, depth - 1);
            }
            return object + "}";
        }
    }
}

}  // namespace

TEST_CASE("values are picked by their pointers, whatever stands beside them") {
    JsonPicker picker;
    const std::size_t id = picker.add("/data/id");
    const std::size_t second = picker.add("/data/list/1");
    const std::size_t code = picker.add("/code");
    CHECK(picker.add("/data/id") == id);
    CHECK(picker.slots() == 3);
    std::vector<PickedValue> picked;
    REQUIRE(picker.pick(R"({"x": {"data": {"id": 1}, "y": [[{"id": 2}]]},
                            "data": {"list": [5, "six", 7], "id": "c-9", "z": null}, "code": 0})",
                        picked));
    CHECK(picked[id].text == "c-9");
    CHECK(picked[second].text == "six");
    CHECK(picked[code].kind == Kind::natural);
    CHECK(picked[code].natural == 0);
    REQUIRE(picker.pick("[]", picked));
    CHECK(picked[id].kind == Kind::absent);
}

TEST_CASE("a decimal keeps its digits, and whole numbers all of their 64 bits") {
    CHECK(pick_one("/a", R"({"a": 1.150})").text == "1.150");
    CHECK(pick_one("/a", R"({"a": 123456789012345678901234567890})").text ==
          "123456789012345678901234567890");
    CHECK(pick_one("/a", R"({"a": 18446744073709551615})").natural == 18446744073709551615U);
    CHECK(pick_one("/a", R"({"a": -9223372036854775808})").integer ==
          std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("of what is not JSON nothing is picked, not even what stood before the fault") {
    for (const std::string text : {R"({"a": 1)", R"({"a": 1} x)", R"({"a": 1, })",
                                   R"({"a": 1e999})", "", "nope", "{\"a\": 1, \"b\": \"\xff\"}"}) {
        INFO(text);
        JsonPicker picker;
        picker.add("/a");
        std::vector<PickedValue> picked;
        CHECK_FALSE(picker.pick(text, picked));
        CHECK(picked[0].kind == Kind::absent);
    }
}

TEST_CASE("the whole document, escaped names and array indices are pointed to as in RFC 6901") {
    CHECK(pick_one("", "7").natural == 7);
    CHECK(pick_one("/a~1b", R"({"a/b": 1})").natural == 1);
    CHECK(pick_one("/m~0n", R"({"m~n": 1})").natural == 1);
    CHECK(pick_one("/", R"({"": 1})").natural == 1);
    CHECK(pick_one("/01", "[1, 2]").kind == Kind::absent);
    CHECK(pick_one("/-", "[1, 2]").kind == Kind::absent);
    CHECK(pick_one("/1", R"({"1": 5})").natural == 5);
}

TEST_CASE("the picker says what the document does, for any document") {
    Random random(20240607, 1);
    const std::vector<std::string> pointers = {"",     "/a",     "/b",   "/0",    "/1/a", "/a/b",
                                               "/a/0", "/a/a/a", "/b/1", "/~0/1", "//a",  "/0/0"};
    JsonPicker picker;
    for (const std::string& pointer : pointers) picker.add(pointer);
    std::vector<PickedValue> picked;
    int found = 0;
    for (int i = 0; i < 20'000; ++i) {
        const std::string text = random_document(random, 4);
        REQUIRE(picker.pick(text, picked));
        for (std::size_t slot = 0; slot < pointers.size(); ++slot) {
            const std::string expected = told_by_document(pointers[slot], text);
            if (told(picked[slot]) != expected) {
                FAIL(text << " at '" << pointers[slot] << "': " << told(picked[slot]) << ", not "
                          << expected);
            }
            if (!pointers[slot].empty() && expected != "absent") ++found;
        }
    }
    CHECK(found > 5'000);
}
