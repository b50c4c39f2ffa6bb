#include <catch2/catch.hpp>

#include "storm/outcome_explain.h"

using namespace claimstorm;

namespace {

StatusSet client_errors_or_503() {
    StatusSet set;
    set.ranges = {{400, 499}, {503, 503}};
    return set;
}

std::vector<std::string> texts_of(const RuleExplained& rule) {
    std::vector<std::string> texts;
    for (const PartExplained& part : rule.parts) texts.push_back(part.text);
    return texts;
}

std::string why_not(const FieldSource& ticket, std::string_view body,
                    std::string_view headers = {}) {
    ResponseFields fields;
    fields.ticket = ticket;
    const std::vector<FieldExplained> explained =
        explain_fields(fields, Outcome::granted, body, headers);
    REQUIRE(explained.size() == 1);
    CHECK_FALSE(explained[0].is_read);
    return explained[0].text;
}

}  // namespace

TEST_CASE("each part of each rule says what it found and what it wanted") {
    const std::vector<OutcomeRule> rules = {
        {200, {{"/code", "0"}, {"/data/ok", "true"}}, {}, Outcome::granted},
        {client_errors_or_503(), {}, "sold (out|off)", Outcome::sold_out},
        {{}, {{"/code", "1001"}}, {}, Outcome::rejected},
        {{}, {}, {}, Outcome::throttled}};
    const auto explained = explain_rules(rules, 200, R"({"code": 1001, "msg": "sold out"})");
    REQUIRE(explained.size() == 4);
    CHECK_FALSE(explained[0].fits);
    CHECK(texts_of(explained[0]) == std::vector<std::string>{"status is 200",
                                                             "/code is 1001, wanted 0",
                                                             "/data/ok is absent, wanted true"});
    CHECK_FALSE(explained[1].fits);
    CHECK(texts_of(explained[1]) == std::vector<std::string>{"status is 200, wanted 4xx or 503",
                                                             "the body matches 'sold (out|off)'"});
    CHECK(explained[2].fits);
    CHECK(explained[2].is == Outcome::rejected);
    CHECK(texts_of(explained[2]) == std::vector<std::string>{"/code is 1001"});
    CHECK(explained[3].fits);
    CHECK(explained[3].parts.empty());
    const auto no_json = explain_rules(rules, 200, "<html>");
    CHECK(texts_of(no_json[2]) == std::vector<std::string>{"the body is not JSON, wanted 1001"});
    CHECK(texts_of(no_json[1])[1] == "the body does not match 'sold (out|off)'");
    const auto nested = explain_rules(rules, 200, R"({"code": {"a": 1}})");
    CHECK(texts_of(nested[2]) ==
          std::vector<std::string>{"/code is an object or a list, wanted 1001"});
}

TEST_CASE("a field that cannot be read says what stands in its place") {
    CHECK(why_not("/no", "{}") == "/no is absent");
    CHECK(why_not("/no", "nope") == "the body is not JSON");
    CHECK(why_not("/no", R"({"no": "A7"})") == "/no is \"A7\", wanted a whole number");
    CHECK(why_not(FieldSource::of_header("X-No"), "") == "the answer has no such header");
    CHECK(why_not(FieldSource::of_header("X-No"), "", "X-No: A7\r\n") ==
          "the header is 'A7', wanted a whole number");
    CHECK(why_not(FieldSource::of_regex("no=(\\w+)"), "no=A7") ==
          "it takes nothing from the body that is a whole number");
}

TEST_CASE("a field that is read shows its value and its source") {
    ResponseFields fields;
    fields.claim_id = FieldSource::of_header("Location", "/orders/(.*)");
    fields.amount = "/yuan";
    fields.poll_id = "/yuan";
    const auto explain = [&fields](Outcome outcome) {
        return explain_fields(fields, outcome, R"({"yuan": 8.88})", "Location: /orders/17\r\n");
    };
    const auto explained = explain(Outcome::granted);  // by then nobody is asked any more
    REQUIRE(explained.size() == 2);
    CHECK(explained[0].is_read);
    CHECK(explained[0].text == "17");
    CHECK(explained[0].source == "header Location, regex /orders/(.*)");
    CHECK(explained[1].name == "amount");
    CHECK(explained[1].text == "888 cents");
    const auto pending = explain(Outcome::pending);
    REQUIRE(pending.size() == 3);
    CHECK(pending[1].name == "poll_id");
    CHECK(pending[1].is_read);
    CHECK(pending[1].text == "8.88");
}
