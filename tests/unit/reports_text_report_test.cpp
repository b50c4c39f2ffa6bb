#include <cmath>
#include <sstream>

#include <catch2/catch.hpp>

#include "reports/side_by_side.h"
#include "reports/text_layout.h"
#include "reports/text_report.h"
#include "tests/support/golden.h"
#include "tests/support/sample_results.h"

namespace claimstorm::test {
namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::size_t widest_line(const std::string& text) {
    std::istringstream in(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(in, line);) widest = std::max(widest, columns(line));
    return widest;
}

std::string without_escapes(std::string text) {
    for (auto at = text.find('\033'); at != std::string::npos; at = text.find('\033', at)) {
        text.erase(at, text.find('m', at) - at + 1);
    }
    return text;
}

}  // namespace

TEST_CASE("the text report says the verdict first and the proof next") {
    check_golden("report_violated.txt", text_report(violated_result(), {}));
    check_golden("report_holds.txt", text_report(sound_result(), {}));
    check_golden("report_watched.txt", text_report(watched_result(), {}));
}

TEST_CASE("a report of watched stores shows what there was to see, and no more") {
    const std::string text = text_report(barely_watched_result(), {});
    CHECK(has(text,
              "\nWATCH\n  samples   1 from 0.00 to 12.0 ms after the release\n"
              "  rows      never behind the answers\n"));
    CHECK_FALSE(has(text, "could not be read"));
    CHECK_FALSE(has(text, "backlog"));
    CHECK_FALSE(has(text, "at rest"));
    CHECK_FALSE(has(text_report(sound_result(), {}), "WATCH"));
}

TEST_CASE("two runs side by side show what the one broke and the other kept") {
    check_golden("side_by_side.txt", side_by_side(violated_result(), sound_result(), {}));
}

TEST_CASE("no line of a report is wider than a terminal") {
    CHECK(widest_line(text_report(violated_result(), {})) <= 100);
    CHECK(widest_line(side_by_side(violated_result(), sound_result(), {})) <= 100);
}

TEST_CASE("colours change nothing but the colours") {
    const TextStyle plain;
    const TextStyle color{true, 5};
    CHECK(text_report(violated_result(), color) != text_report(violated_result(), plain));
    CHECK(without_escapes(text_report(violated_result(), color)) ==
          text_report(violated_result(), plain));
    CHECK(has(text_report(violated_result(), color), "\033[31;1mVIOLATED\033[0m"));
    const std::string table = side_by_side(violated_result(), sound_result(), color);
    CHECK(has(table, "\033[31;1mviolated\033[0m"));
    CHECK_FALSE(has(text_report(violated_result(), plain), "\033"));
}

TEST_CASE("witnesses that are not shown are counted, and the report says where they are") {
    Result result = violated_result();
    const auto with = [&](std::size_t shown) { return text_report(result, {false, shown}); };
    CHECK(has(with(5), "149 more not shown; result.json keeps the first 100 of 154"));
    CHECK(has(with(0), "    154 not shown; result.json keeps the first 100 of 154"));
    CHECK(has(with(100), "54 more not shown; result.json keeps the first 100 of 154"));
    result.findings[0].witnesses.resize(6);
    result.findings[0].witness_count = 6;
    CHECK(has(with(5), "1 more not shown; result.json keeps all"));
    CHECK_FALSE(has(with(6), "not shown"));
}

TEST_CASE("a text of a service cannot speak to the terminal") {
    Result result = violated_result();
    result.scenario = "a\033[2Jb";
    result.findings[0].check = "c\rd";
    result.findings[0].summary = "e\nf";
    result.findings[0].figures[0].name = "g\bh";
    result.findings[0].witnesses[0].what = "i\x9Bj";
    result.gates[0].name = "k\x7Fl";
    result.gates[0].limit = "m\tn";
    result.gates[0].summary = "o\x07p";
    result.notes[0] = "q\xC2\x9Br";
    const std::string text = text_report(result, {});
    for (const char* safe : {"a?[2Jb", "c?d", "e?f", "g?h", "i?j", "k?l", "m?n", "o?p", "q??r"}) {
        INFO(safe);
        CHECK(has(text, safe));
    }
    CHECK(has(side_by_side(result, result, {}), "a?[2Jb"));
    CHECK(has(side_by_side(result, result, {}), "e?f"));
}

TEST_CASE("text in any language passes, bytes that are no UTF-8 do not") {
    CHECK(printable(std::string_view("z\xC3\xBCrich \xE7\xBA\xA2\xE5\x8C\x85 \xF0\x9F\xA7\xA7")) ==
          "z\xC3\xBCrich \xE7\xBA\xA2\xE5\x8C\x85 \xF0\x9F\xA7\xA7");
    CHECK(printable(std::string_view("\xC3")) == "?");
    CHECK(printable(std::string_view("\xC3(")) == "?(");
    CHECK(printable(std::string_view("\xE7\xBA")) == "??");
    CHECK(printable(std::string_view("\xFFx")) == "?x");
    CHECK(printable(std::string_view("\xC2\xA0")) == "\xC2\xA0");
    CHECK(printable(std::string_view(" ~")) == " ~");
    CHECK(columns("z\xC3\xBC") == 2);
}

TEST_CASE("lines break at spaces and words wider than a line are cut") {
    using Lines = std::vector<std::string>;
    CHECK(wrapped("", 4) == Lines{""});
    CHECK(wrapped("ab cd", 5) == Lines{"ab cd"});
    CHECK(wrapped("ab cd", 4) == Lines{"ab", "cd"});
    CHECK(wrapped("ab  cd ", 9) == Lines{"ab cd"});
    CHECK(wrapped("abcdefghij k", 4) == Lines{"abcd", "efgh", "ij k"});
    CHECK(wrapped("x abcd", 4) == Lines{"x", "abcd"});
    CHECK(wrapped("\xC3\xBC\xC3\xBC\xC3\xBC", 2) == Lines{"\xC3\xBC\xC3\xBC", "\xC3\xBC"});
    CHECK(padded("\xC3\xBC", 3) == "\xC3\xBC  ");
    CHECK(padded("abcd", 3) == "abcd");
}

TEST_CASE("measured numbers carry as many decimals as matter") {
    CHECK(measured(0) == "0.00");
    CHECK(measured(9.994) == "9.99");
    CHECK(measured(10) == "10.0");
    CHECK(measured(99.94) == "99.9");
    CHECK(measured(100) == "100");
    CHECK(measured(1234567.8) == "1,234,568");
    CHECK(measured(-12.34) == "-12.3");
    CHECK(measured(std::nan("")) == "not known");
    CHECK(measured(1e300) == "9,000,000,000,000,000,000");
}

TEST_CASE("a gate's value shows on which side of its limit it is") {
    CHECK(precise(200.0414) == "200.041");
    CHECK(precise(200) == "200");
    CHECK(precise(1.5) == "1.5");
    CHECK(precise(1) == "1");
    CHECK(precise(0.0008) == "0.0008");
    CHECK(precise(0) == "0");
    CHECK(precise(-2.5) == "-2.5");
    CHECK(precise(std::nan("")) == "not known");
}

TEST_CASE("the headline names what is wrong, checks before gates") {
    Result result = violated_result();
    CHECK(text_report(result, {}).substr(0, 72) ==
          "VIOLATED  coupon-naive: oversell, cache_drift, latency_ms_p99 (seed 42)\n");
    result.verdict = Verdict::inconclusive;
    CHECK(has(text_report(result, {}), "INCONCLUSIVE  coupon-naive: lost_claims (seed 42)\n"));
    CHECK(has(text_report(Result{}, {}), "INCONCLUSIVE  : nothing was proved (seed 0)\n"));
    CHECK(has(text_report(sound_result(), {}),
              "HOLDS  coupon-global-lock-recheck: all 4 checks and gates judged"));
}

TEST_CASE("what did not happen takes no line") {
    const std::string text = text_report(sound_result(), {});
    for (const char* part : {"GATES", "SKIPPED", "NOTES", "failures", "waited", "sold out  "}) {
        INFO(part);
        CHECK_FALSE(has(text, part));
    }
    Result silent;
    CHECK_FALSE(has(text_report(silent, {}), "STORM"));
    silent.storm.attempts = 1;
    CHECK(has(text_report(silent, {}), "answers   none"));
}

TEST_CASE("a table leaves out what both skipped and marks what one never had") {
    Result left = sound_result();
    Result right = sound_result();
    left.findings[0].verdict = Verdict::skipped;
    right.findings[0].verdict = Verdict::skipped;
    left.findings[1].verdict = Verdict::skipped;
    right.findings.pop_back();
    Finding extra;
    extra.check = "only_right";
    extra.verdict = Verdict::inconclusive;
    extra.summary = "because";
    right.findings.push_back(extra);
    const std::string table = side_by_side(left, right, {});
    CHECK_FALSE(has(table, "\noversell"));
    CHECK(has(table, "\npromised_oversell   skipped                              holds\n"));
    CHECK(has(table, "\nlost_claims         holds                                -\n"));
    CHECK(has(table, "\nonly_right          -                                    inconclusive\n"));
    CHECK(has(table, "                                                         because\n"));
}

}  // namespace claimstorm::test
