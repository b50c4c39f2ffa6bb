#include <string>

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
