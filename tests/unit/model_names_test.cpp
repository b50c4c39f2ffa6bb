#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/names.h"

namespace claimstorm::test {

TEST_CASE("a name keeps its id, a new one gets the next") {
    Names names;
    CHECK(names.size() == 0);
    CHECK_FALSE(names.find("u1").has_value());
    CHECK(names.intern("u1") == 0);
    CHECK(names.intern("u2") == 1);
    CHECK(names.intern("u1") == 0);
    CHECK(names.size() == 2);
    CHECK(names.name(0) == "u1");
    CHECK(names.name(1) == "u2");
    CHECK(names.find("u2") == UserId{1});
    CHECK_FALSE(names.find("u3").has_value());
}

TEST_CASE("any bytes are a name, no bytes too") {
    Names names;
    const std::string zero("a\0b", 3);
    CHECK(names.intern("") == 0);
    CHECK(names.intern(zero) == 1);
    CHECK(names.intern("a") == 2);
    CHECK(names.intern("") == 0);
    CHECK(names.name(0).empty());
    CHECK(names.name(1) == zero);
    CHECK(names.intern("ab") == 3);
}

TEST_CASE("a hundred thousand names are told apart while the table grows") {
    Names names;
    constexpr std::uint32_t kNames = 100'000;
    for (std::uint32_t i = 0; i < kNames; ++i) REQUIRE(names.intern(std::to_string(i)) == i);
    for (std::uint32_t i = 0; i < kNames; ++i) {
        REQUIRE(names.find(std::to_string(i)) == i);
        REQUIRE(names.name(i) == std::to_string(i));
    }
    CHECK_FALSE(names.find("-1").has_value());
}

TEST_CASE("with room made for them names come as they do without, and take no more") {
    Names grown;
    Names roomy;
    roomy.reserve(100'000);
    const std::size_t reserved = roomy.bytes();
    for (int i = 0; i < 100'000; ++i) {
        const std::string name = "u" + std::to_string(i);
        REQUIRE(roomy.intern(name) == grown.intern(name));
    }
    CHECK(roomy.bytes() == grown.bytes());
    CHECK(reserved > 500'000);
    roomy.reserve(10);
    CHECK(roomy.bytes() == grown.bytes());
    CHECK(roomy.find("u99999") == 99'999U);
    CHECK(roomy.size() == 100'000);
}

TEST_CASE("a name takes its length and some 13 bytes") {
    Names names;
    constexpr std::uint32_t kNames = 98'304;  // three quarters of a power of two: the table is full
    std::size_t letters = 0;
    for (std::uint32_t i = 0; i < kNames; ++i) {
        const std::string name = "u" + std::to_string(1'000'000 + i);
        letters += name.size();
        names.intern(name);
    }
    CHECK(names.bytes() <= letters + 13 * std::size_t{kNames});
}

TEST_CASE("a name of any length is kept whole") {
    Names names;
    const std::string one(300'000, 'x');
    CHECK(names.intern("a") == 0);
    CHECK(names.intern(one) == 1);
    CHECK(names.intern(one + "y") == 2);
    CHECK(names.intern("b") == 3);
    CHECK(names.name(1) == one);
    CHECK(names.name(2) == one + "y");
    CHECK(names.name(3) == "b");
    CHECK(names.intern(one) == 1);
}

TEST_CASE("a view of a name stays good while others come") {
    Names names;
    names.intern("first");
    const std::string_view first = names.name(0);
    for (int i = 0; i < 100'000; ++i) names.intern(std::to_string(i));
    CHECK(first == "first");
    CHECK(first.data() == names.name(0).data());
}

TEST_CASE("texts read back as they were added, and no text is empty") {
    TextPool pool;
    CHECK(pool.view(kNoText).empty());
    const TextRef first = pool.add("id-1");
    const TextRef empty = pool.add("");
    const TextRef second = pool.add("id-2");
    CHECK(first != kNoText);
    CHECK(empty != kNoText);
    CHECK(pool.view(first) == "id-1");
    CHECK(pool.view(empty).empty());
    CHECK(pool.view(second) == "id-2");
}

TEST_CASE("texts of all lengths read back, a hundred thousand of them") {
    TextPool pool;
    std::vector<TextRef> refs;
    const auto text_of = [](std::size_t i) {
        return std::to_string(i) + std::string(i % 100 == 0 ? i % 60'000 : i % 200, 'x');
    };
    constexpr std::size_t kTexts = 100'000;
    refs.reserve(kTexts);
    for (std::size_t i = 0; i < kTexts; ++i) refs.push_back(pool.add(text_of(i)));
    for (std::size_t i = 0; i < kTexts; ++i) REQUIRE(pool.view(refs[i]) == text_of(i));
    const TextPool copy = pool;
    CHECK(copy.view(refs.back()) == text_of(kTexts - 1));
}

TEST_CASE("a short text takes its length and a byte") {
    TextPool pool;
    constexpr std::size_t kTexts = 1'000'000;
    for (std::size_t i = 0; i < kTexts; ++i) pool.add("12345678");
    CHECK(pool.bytes() <= 9 * kTexts + 300'000);  // and a page that is not full
}

TEST_CASE("a text is cut at 65,535 bytes") {
    TextPool pool;
    const TextRef whole = pool.add(std::string(65'535, 'x'));
    const TextRef cut = pool.add(std::string(65'536, 'y'));
    const TextRef next = pool.add("z");
    CHECK(pool.view(whole).size() == 65'535);
    CHECK(pool.view(cut) == std::string(65'535, 'y'));
    CHECK(pool.view(next) == "z");
}

}  // namespace claimstorm::test
