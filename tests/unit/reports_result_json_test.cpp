#include <cmath>
#include <limits>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reports/result_json.h"
#include "tests/support/golden.h"
#include "tests/support/sample_results.h"

namespace claimstorm::test {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Result& result) {
    return Json::parse(result_to_json(result));
}

/// What reading says of the sample with one change.
template <typename Change>
std::string complaint(Change change) {
    Json json = json_of(violated_result());
    change(json);
    try {
        result_from_json(json.dump());
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no complaint";
}

}  // namespace

TEST_CASE("result.json keeps its contract, key for key") {
    Result short_of_witnesses = violated_result();
    short_of_witnesses.findings[0].witnesses.resize(2);
    check_golden("result_violated.json", result_to_json(short_of_witnesses));
    check_golden("result_holds.json", result_to_json(sound_result()));
    check_golden("result_watched.json", result_to_json(watched_result()));
}

TEST_CASE("result.json carries each number rounded to three decimals, and nothing but numbers") {
    Result result;
    result.storm.send_lag_us_p99 = 1.23456;
    result.storm.release_spread_ms = -0.0001;
    result.storm.attempts_per_s = std::numeric_limits<double>::quiet_NaN();
    result.storm.duration_ms = 5e15 + 1;
    result.gates = {{"g", "< 1", 0.0005, Verdict::holds, ""}};
    const std::string text = result_to_json(result);
    const Json json = Json::parse(text);
    CHECK(json["storm"]["send_lag_us_p99"] == 1.235);
    CHECK(text.find("-0.0") == std::string::npos);
    CHECK(json["storm"]["attempts_per_s"].is_null());
    CHECK(json["storm"]["duration_ms"] == 5e15 + 1);
    CHECK(json["gates"][0]["value"] == 0.0005);
    CHECK(json["storm"]["time_to_sold_out_ms"].is_null());
    CHECK(std::isnan(result_from_json(text).storm.attempts_per_s));
}

TEST_CASE("only a violated check has a strength, only errors that happened are listed") {
    const Json json = json_of(violated_result());
    CHECK(json["checks"][0]["strength"] == "definite");
    CHECK(json["checks"][1]["strength"] == "possible");
    CHECK_FALSE(json["checks"][2].contains("strength"));
    CHECK(json["storm"]["transport_errors"].size() == 2);
    CHECK(json["storm"]["outcomes"].size() == kOutcomes.size());
    CHECK_FALSE(json["checks"][1]["witnesses"][0].contains("user"));
    CHECK_FALSE(json["checks"][1]["witnesses"][0].contains("claim_ids"));
    CHECK_FALSE(json["checks"][1]["witnesses"][0].contains("attempts"));
    CHECK_FALSE(json["checks"][0]["witnesses"][0].contains("key"));
}

TEST_CASE("what was written reads back the same") {
    for (const Result& result : {violated_result(), sound_result(), Result{}}) {
        const std::string text = result_to_json(result);
        const Result read = result_from_json(text);
        CHECK(result_to_json(read) == text);
        CHECK(read.scenario == result.scenario);
        CHECK(read.findings.size() == result.findings.size());
    }
    const Result read = result_from_json(result_to_json(violated_result()));
    CHECK(read.seed == 42);
    CHECK(read.verdict == Verdict::violated);
    CHECK(read.findings[1].strength == Strength::possible);
    CHECK(read.findings[0].figures[2].name == "excess");
    CHECK(read.findings[0].figures[2].value == 154);
    CHECK(read.findings[0].witnesses[3].user == "u3");
    CHECK(read.findings[0].witnesses[3].claim_ids == std::vector<std::string>{"1004"});
    CHECK(read.findings[0].witnesses[3].attempts == std::vector<std::uint64_t>{2003});
    CHECK(read.findings[1].witnesses[0].key == "redis.remaining");
    CHECK(read.findings[0].witness_count == 154);
    CHECK(read.gates[0].limit == "< 200");
    CHECK(read.storm.count(Outcome::sold_out) == 1240);
    CHECK(read.storm.waited == 120);
    CHECK(read.storm.service_ms.max == 1500);
    CHECK(read.storm.time_to_sold_out_ms == 310.4);
    CHECK(read.notes.size() == 1);
}

TEST_CASE("what was watched reads back the same, and nothing where nobody watched") {
    for (const Result& result : {watched_result(), barely_watched_result()}) {
        const std::string text = result_to_json(result);
        CHECK(result_to_json(result_from_json(text)) == text);
    }
    const Result back = result_from_json(result_to_json(watched_result()));
    REQUIRE(back.watch);
    CHECK(back.watch->backlog->value == 1020);
    CHECK(back.watch->converged_ms == 64.25);
    CHECK_FALSE(result_from_json(result_to_json(sound_result())).watch);
}

TEST_CASE("the largest seed and the smallest figure survive") {
    Result result;
    result.seed = std::numeric_limits<std::uint64_t>::max();
    Finding finding;
    finding.figures = {{"drift", std::numeric_limits<std::int64_t>::min()}};
    result.findings = {finding};
    const Result read = result_from_json(result_to_json(result));
    CHECK(read.seed == result.seed);
    CHECK(read.findings[0].figures[0].value == std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("names that are no UTF-8 are replaced, not refused") {
    Result result;
    result.scenario = "caf\xC3\xA9 \xFF\xFE";
    Finding finding;
    finding.witnesses = {Witness{"\xC3", "\x80user", {"\xED\xA0\x80"}, {}, ""}};
    result.findings = {finding};
    const Result read = result_from_json(result_to_json(result));
    CHECK(read.scenario == "caf\xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(read.findings[0].witnesses[0].what == "\xEF\xBF\xBD");
}

TEST_CASE("keys of a newer version are left alone, those of an older one may be missing") {
    CHECK(complaint([](Json& json) {
              json["later"] = 1;
              json["checks"][0]["later"] = 1;
              json.erase("notes");
              json["storm"].erase("waited");
              json["gates"][0].erase("summary");
          }) == "no complaint");
}

TEST_CASE("a broken result.json is refused in one line that names the place") {
    const std::string cure = "; `claimstorm check` on its run folder writes it anew";
    CHECK(complaint([](Json& json) { json["checks"][1]["verdict"] = "violate"; }) ==
          "result.json: /checks/1/verdict is 'violate', which is none of holds, violated, "
          "inconclusive, skipped; did you mean 'violated'?" +
              cure);
    CHECK(complaint([](Json& json) { json["checks"][0]["strength"] = "sure"; }) ==
          "result.json: /checks/0/strength is 'sure', which is none of definite, possible" + cure);
    CHECK(complaint([](Json& json) { json.erase("seed"); }) ==
          "result.json: the document lacks the key \"seed\"" + cure);
    CHECK(complaint([](Json& json) { json["seed"] = -1; }) ==
          "result.json: /seed is no integer of 0 or more" + cure);
    CHECK(complaint([](Json& json) { json["storm"]["latency_ms"]["p99"] = "fast"; }) ==
          "result.json: /storm/latency_ms/p99 is no number" + cure);
    CHECK(complaint([](Json& json) { json["storm"]["outcomes"]["grant"] = 1; }) ==
          "result.json: /storm/outcomes/grant is 'grant', which is none of granted, sold_out, "
          "already_claimed, throttled, rejected, pending, unknown, not_sent; did you mean "
          "'granted'?" +
              cure);
    CHECK(complaint([](Json& json) { json["checks"][0]["figures"]["rows"] = 1.5; }) ==
          "result.json: /checks/0/figures/rows is no 64-bit integer" + cure);
    CHECK(complaint([](Json& json) {
              json["storm"]["users"] = std::numeric_limits<std::uint64_t>::max();
          }) == "result.json: /storm/users is no 64-bit integer" + cure);
    CHECK(complaint([](Json& json) { json["checks"] = 7; }) ==
          "result.json: /checks is no array" + cure);
    CHECK(complaint([](Json& json) { json["gates"][0] = 7; }) ==
          "result.json: /gates/0 is no object" + cure);
    CHECK(complaint([](Json& json) { json["checks"][0]["figures"] = 7; }) ==
          "result.json: /checks/0/figures is no object" + cure);
    CHECK(complaint([](Json& json) { json["notes"][0] = 7; }) ==
          "result.json: /notes/0 is no string" + cure);
    CHECK(complaint([](Json& json) { json = 7; }) ==
          "result.json: the document is no object" + cure);
}

TEST_CASE("a result.json that was cut short is refused with the line") {
    CHECK_THROWS_WITH(result_from_json("{\n  \"seed\": 4"),
                      "result.json: no JSON any more at line 2 (byte 13 of 13); `claimstorm check` "
                      "on its run folder writes it anew");
    CHECK_THROWS_AS(result_from_json(""), UsageError);
    const std::string whole = result_to_json(violated_result());
    for (std::size_t size = 0; size < whole.size() - 1; size += 97) {
        INFO(size);
        CHECK_THROWS_AS(result_from_json(whole.substr(0, size)), UsageError);
    }
}

}  // namespace claimstorm::test
