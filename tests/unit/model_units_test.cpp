#include <limits>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm::test {

using std::chrono::nanoseconds;

TEST_CASE("durations are read in each unit, whole or with a fraction") {
    CHECK(parse_duration("500ms") == nanoseconds(500'000'000));
    CHECK(parse_duration("1.5s") == nanoseconds(1'500'000'000));
    CHECK(parse_duration("5m") == nanoseconds(300'000'000'000));
    CHECK(parse_duration("2h") == nanoseconds(7'200'000'000'000));
    CHECK(parse_duration("200us") == nanoseconds(200'000));
    CHECK(parse_duration("7ns") == nanoseconds(7));
    CHECK(parse_duration("0") == nanoseconds(0));
    CHECK(parse_duration("0s") == nanoseconds(0));
    CHECK(parse_duration("2500000h").has_value());
}

TEST_CASE("what is no duration is refused") {
    for (const char* text : {"", "5", "s", "5 s", " 5s", "5s ", "-1s", "+1s", "1e3s", "5x", "5S",
                             "nans", "infs", "1s1", "2600000h", "1,5s", "0x1s"}) {
        INFO(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
}

TEST_CASE("counts are whole, with k and M") {
    CHECK(parse_count("0") == 0);
    CHECK(parse_count("500") == 500);
    CHECK(parse_count("10k") == 10'000);
    CHECK(parse_count("1.5M") == 1'500'000);
    CHECK(parse_count("2.0") == 2);
    CHECK(parse_count("1.005k") == 1005);
    CHECK(parse_count("1.001M") == 1'001'000);
    for (const char* text :
         {"", "k", "1.2345k", "0.5", "-1", "1K", "1m", "1G", "1 k", "10000000000000M", "ten"}) {
        INFO(text);
        CHECK_FALSE(parse_count(text).has_value());
    }
}

TEST_CASE("rates are attempts per second, above zero") {
    CHECK(parse_rate("500/s") == 500.0);
    CHECK(parse_rate("10k/s") == 10'000.0);
    CHECK(parse_rate("30/m") == 0.5);
    CHECK(parse_rate("7200/h").value() == Approx(2.0));
    CHECK(parse_rate("0.5/s") == 0.5);
    for (const char* text : {"", "500", "/s", "0/s", "-1/s", "5/d", "5/", "5 /s", "5s"}) {
        INFO(text);
        CHECK_FALSE(parse_rate(text).has_value());
    }
}

TEST_CASE("whole durations and counts are exact beyond what a double holds") {
    CHECK(parse_count("9007199254740993") == 9'007'199'254'740'993);
    CHECK(parse_duration("9007199254740993ns") == nanoseconds(9'007'199'254'740'993));
    CHECK(parse_duration("9007199254741us") == nanoseconds(9'007'199'254'741'000));
}

TEST_CASE("a rate is written without an exponent and reads back the same") {
    CHECK(format_rate(500) == "500/s");
    CHECK(format_rate(0.5) == "0.5/s");
    CHECK(format_rate(0.00001) == "0.00001/s");
    for (const double rate : {1e-9, 0.1 / 3600, 1.0 / 3, 12'345.678, 1e12}) {
        CHECK(parse_rate(format_rate(rate)) == rate);
    }
    CHECK_FALSE(parse_rate("0.0000000001/s").has_value());
    CHECK_FALSE(parse_rate("2000000000000/s").has_value());
}

TEST_CASE("what a user's file says cannot break the line of an error") {
    CHECK(UsageError("no key 'a\nb\x1b[31m'").what() == std::string("no key 'a\\nb\\x1b[31m'"));
}

TEST_CASE("a duration is written in its largest exact unit and reads back the same") {
    CHECK(format_duration(nanoseconds(0)) == "0s");
    CHECK(format_duration(nanoseconds(1'500'000'000)) == "1500ms");
    CHECK(format_duration(nanoseconds(2'000'000'000)) == "2s");
    CHECK(format_duration(nanoseconds(90'000'000'000)) == "90s");
    CHECK(format_duration(nanoseconds(120'000'000'000)) == "2m");
    CHECK(format_duration(nanoseconds(3'600'000'000'000)) == "1h");
    CHECK(format_duration(nanoseconds(1'000)) == "1us");
    CHECK(format_duration(nanoseconds(1'001)) == "1001ns");
    for (const std::int64_t ns : {1LL, 999LL, 1'000LL, 123'456'789LL, 60'000'000'000LL}) {
        CHECK(parse_duration(format_duration(nanoseconds(ns))) == nanoseconds(ns));
    }
}

TEST_CASE("commas stand between thousands") {
    CHECK(with_commas(0) == "0");
    CHECK(with_commas(999) == "999");
    CHECK(with_commas(1'000) == "1,000");
    CHECK(with_commas(1'234'567) == "1,234,567");
    CHECK(with_commas(-100) == "-100");
    CHECK(with_commas(-1'000) == "-1,000");
    CHECK(with_commas(std::numeric_limits<std::int64_t>::min()) == "-9,223,372,036,854,775,808");
}

TEST_CASE("a misspelt word is answered with the nearest one, a foreign word with none") {
    const std::vector<std::string_view> words = {"oversell", "lost_claims", "cache_drift"};
    CHECK(did_you_mean("oversel", words) == "oversell");
    CHECK(did_you_mean("lostclaims", words) == "lost_claims");
    CHECK(did_you_mean("cache-drift", words) == "cache_drift");
    CHECK_FALSE(did_you_mean("throughput", words).has_value());
    CHECK_FALSE(did_you_mean("x", {"s", "m"}).has_value());
    CHECK_FALSE(did_you_mean("word", {}).has_value());
    CHECK(did_you_mean("abd", {"abc", "abe"}) == "abc");
}

}  // namespace claimstorm::test

TEST_CASE("an amount of money is exact or none") {
    CHECK(claimstorm::parse_cents("0") == 0);
    CHECK(claimstorm::parse_cents("0.1") == 10);
    CHECK(claimstorm::parse_cents("1.15") == 115);
    CHECK(claimstorm::parse_cents("-0.05") == -5);
    CHECK(claimstorm::parse_cents("007.5") == 750);
    CHECK(claimstorm::parse_cents("92233720368547758.07") == 9'223'372'036'854'775'807);
    for (const char* text : {"", "-", ".", "1.", ".5", "1.234", "1e2", "+1", " 1", "1 ", "1,00",
                             "0x1", "92233720368547758.08", "99999999999999999999"}) {
        INFO(text);
        CHECK_FALSE(claimstorm::parse_cents(text));
    }
}
