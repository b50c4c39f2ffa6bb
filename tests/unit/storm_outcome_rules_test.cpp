#include <filesystem>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/history_file.h"
#include "storm/outcome_rules.h"
#include "storm/storm.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::test;

namespace {

StatusSet statuses(std::vector<StatusSet::Range> ranges) {
    StatusSet set;
    set.ranges = std::move(ranges);
    return set;
}

/// A grant's reading when a field is read from `source`.
ResponseReading reading_of(const ResponseFields& fields, std::string_view body,
                           std::string_view headers = {}) {
    return OutcomeRules({{200, {}, {}, Outcome::granted}}, fields).read(200, body, headers);
}

std::int64_t amount_of(std::string_view body) {
    ResponseFields fields;
    fields.amount = "/m";
    return reading_of(fields, body).amount_cents;
}

std::string complaint_of(const FieldSource& claim_id) {
    ResponseFields fields;
    fields.claim_id = claim_id;
    try {
        OutcomeRules({}, fields);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no error";
}

}  // namespace

TEST_CASE("a rule's status may be a class, or any of several") {
    const OutcomeRules rules({{statuses({{200, 299}}), {}, {}, Outcome::granted},
                              {statuses({{409, 409}, {500, 599}}), {}, {}, Outcome::throttled}},
                             {});
    CHECK(rules.read(200, "").outcome == Outcome::granted);
    CHECK(rules.read(299, "").outcome == Outcome::granted);
    CHECK_FALSE(rules.read(199, "").matched);
    CHECK_FALSE(rules.read(300, "").matched);
    CHECK(rules.read(409, "").outcome == Outcome::throttled);
    CHECK_FALSE(rules.read(410, "").matched);
    CHECK(rules.read(500, "").outcome == Outcome::throttled);
    CHECK(rules.read(599, "").outcome == Outcome::throttled);
}

TEST_CASE("a rule may expect an object or an array, compared whole") {
    const OutcomeRules rules({{{}, {{"/e", R"({"b":[1,2],"a":1})"}}, {}, Outcome::granted},
                              {{}, {{"/e", "[]"}}, {}, Outcome::sold_out}},
                             {});
    CHECK(rules.read(200, R"({"e": {"a": 1.0, "b": [1, 2]}})").outcome == Outcome::granted);
    CHECK(rules.read(200, R"({"e": []})").outcome == Outcome::sold_out);
    CHECK_FALSE(rules.read(200, R"({"e": {"a": 1}})").matched);
    CHECK_FALSE(rules.read(200, R"({"e": 1})").matched);
    CHECK_FALSE(rules.read(200, R"({"e": [], )").matched);
}

TEST_CASE("a field is what the first group of an expression takes from the body") {
    ResponseFields fields;
    fields.claim_id = FieldSource::of_regex("order=(\\d+)");
    fields.ticket = FieldSource::of_regex("<no>(\\w*)</no>");
    fields.amount_cents = FieldSource::of_regex("fen:(\\d+)");
    const ResponseReading reading = reading_of(fields, "ok order=17&order=18 <no>5</no> fen:250");
    CHECK(reading.claim_id == "17");
    CHECK(reading.ticket == 5);
    CHECK(reading.amount_cents == 250);
    const ResponseReading odd = reading_of(fields, "order=x <no>5a</no>");
    CHECK(odd.claim_id.empty());
    CHECK(odd.ticket == kNoNumber);
    CHECK(odd.amount_cents == kNoNumber);
}

TEST_CASE("a field may be a header, or a part of one") {
    ResponseFields fields;
    fields.claim_id = FieldSource::of_header("location");
    fields.ticket = FieldSource::of_header("X-Ticket", "no-(\\d+)");
    std::string kept;
    const OutcomeRules rules({{200, {}, {}, Outcome::granted}}, fields);
    keep_header(kept, rules.wanted_headers(), "Content-Type", "text/plain");
    keep_header(kept, rules.wanted_headers(), "LOCATION", "/orders/17");
    keep_header(kept, rules.wanted_headers(), "x-ticket", "no-4 of 9");
    const ResponseReading reading = rules.read(200, "", kept);
    CHECK(reading.claim_id == "/orders/17");
    CHECK(reading.ticket == 4);
    CHECK(kept.find("text/plain") == std::string::npos);
    CHECK(reading_of(fields, "location: body").claim_id.empty());
}

TEST_CASE("an amount in whole units becomes cents, exactly or not at all") {
    CHECK(amount_of(R"({"m": "1.23"})") == 123);
    CHECK(amount_of(R"({"m": 1.23})") == 123);
    CHECK(amount_of(R"({"m": 1.15})") == 115);  // a double would be below
    CHECK(amount_of(R"({"m": 4.35})") == 435);
    CHECK(amount_of(R"({"m": 90071992547409.93})") == 9007199254740993);  // beyond a double
    CHECK(amount_of(R"({"m": 1.5})") == 150);
    CHECK(amount_of(R"({"m": 3})") == 300);
    CHECK(amount_of(R"({"m": "-0.05"})") == -5);
    CHECK(amount_of(R"({"m": -2})") == -200);
    CHECK(amount_of(R"({"m": "92233720368547758.07"})") ==
          std::numeric_limits<std::int64_t>::max());
    for (const char* body :
         {R"({"m": 1.234})", R"({"m": "1.230"})", R"({"m": 1e2})", R"({"m": "1,23"})",
          R"({"m": ""})", R"({"m": "."})", R"({"m": "1."})", R"({"m": ".5"})", R"({"m": "+1"})",
          R"({"m": " 1"})", R"({"m": "-"})", R"({"m": true})", R"({"m": null})", R"({"m": [1]})",
          R"({"m": "92233720368547758.08"})", R"({"n": 1})", "1.23"}) {
        INFO(body);
        CHECK(amount_of(body) == kNoNumber);
    }
}

TEST_CASE("an amount in whole units is read from a text too") {
    ResponseFields fields;
    fields.amount = FieldSource::of_regex("got ([0-9.]+) yuan");
    CHECK(reading_of(fields, "you got 8.88 yuan").amount_cents == 888);
    CHECK(reading_of(fields, "you got 8.8.8 yuan").amount_cents == kNoNumber);
}

TEST_CASE("a claim id too long for 64 bits stays as it was written") {
    ResponseFields fields;
    fields.claim_id = "/id";
    CHECK(reading_of(fields, R"({"id": 123456789012345678901234567890})").claim_id ==
          "123456789012345678901234567890");
}

TEST_CASE("an expression that could take nothing is refused") {
    CHECK(complaint_of(FieldSource::of_regex("order=\\d+")).find("has no group") !=
          std::string::npos);
    CHECK(complaint_of(FieldSource::of_regex("(")).find("is not a regular expression") !=
          std::string::npos);
    CHECK(complaint_of(FieldSource::of_header("X", "no")).find("has no group") !=
          std::string::npos);
}

TEST_CASE("a storm reads a header of the final answer, not of an interim one") {
    ScriptedServer server([](const std::string&, int number) {
        return ScriptedAnswer{"HTTP/1.1 103 Early Hints\r\nLocation: /early\r\n\r\n" +
                              http_answer(201, "", number == 0 ? "location:  /orders/17\r\n" : "")};
    });
    const TemporaryFolder folder;
    StormOrder order;
    order.spec.users = 2;
    order.spec.connections = 1;
    order.endpoint.base_url = server.url();
    order.endpoint.outcomes = {{201, {}, {}, Outcome::granted}};
    order.endpoint.fields.claim_id = FieldSource::of_header("Location");
    const std::atomic<bool> stop{false};
    run_storm(order, Plan(order.spec, 1), folder.path / "h", stop, {});
    Names users;
    TextPool texts;
    const HistoryContents contents = read_history(folder.path / "h", users, texts);
    REQUIRE(contents.history.attempts.size() == 2);
    CHECK(texts.view(contents.history.attempts[0].claim_id) == "/orders/17");
    CHECK(texts.view(contents.history.attempts[1].claim_id).empty());
}
