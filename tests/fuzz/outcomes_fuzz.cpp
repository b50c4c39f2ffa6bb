// Outcome rules on any answer. The first line is the status and the headers' values, the rest is
// the body. What the rules say of JSON is compared with nlohmann's DOM.
#include <charconv>
#include <string>

#include <nlohmann/json.hpp>

#include "storm/outcome_rules.h"
#include "tests/fuzz/claim.h"

using namespace claimstorm;
using nlohmann::json;

namespace {

OutcomeRules make_rules(bool by_header) {
    StatusSet refusals;
    refusals.ranges = {{400, 499}, {503, 503}};
    const std::vector<OutcomeRule> rules = {
        {200, {{"/code", "0"}}, {}, Outcome::granted},
        {200, {{"/code", "1001"}, {"/data/list/1", "{\"a\":[1,2.5]}"}}, {}, Outcome::sold_out},
        {std::nullopt, {{"", "[]"}}, {}, Outcome::rejected},
        {std::nullopt, {{"/code", "null"}}, {}, Outcome::throttled},
        {std::nullopt, {}, "repeat(ed)?|\\bagain\\b", Outcome::already_claimed},
        {refusals, {}, {}, Outcome::sold_out},
        {202, {}, {}, Outcome::pending}};
    ResponseFields fields;
    fields.claim_id =
        by_header ? FieldSource::of_header("Location", "/([^/]+)$") : FieldSource("/data/id");
    fields.ticket = by_header ? FieldSource::of_regex("no=(-?\\d+)") : FieldSource("/data/no");
    fields.amount = FieldSource("/data/yuan");
    return {rules, fields};
}

const json* find(const json& document, const char* pointer) {
    const json::json_pointer at(pointer);
    return document.contains(at) ? &document.at(at) : nullptr;
}

/// The same rules once more, in the plainest way; `regex_fits` as the real ones found.
Outcome outcome_by_dom(int status, const json& document, bool regex_fits) {
    const auto is = [&](const char* pointer, const json& expected) {
        const json* value = document.is_discarded() ? nullptr : find(document, pointer);
        return value != nullptr && *value == expected;
    };
    if (status == 200 && is("/code", 0)) return Outcome::granted;
    const bool has_both = is("/code", 1001) && is("/data/list/1", {{"a", {1, 2.5}}});
    if (status == 200 && has_both) return Outcome::sold_out;
    if (is("", json::array())) return Outcome::rejected;
    if (is("/code", nullptr)) return Outcome::throttled;
    if (regex_fits) return Outcome::already_claimed;
    if (status / 100 == 4 || status == 503) return Outcome::sold_out;
    return status == 202 ? Outcome::pending : Outcome::unknown;
}

void check_fields(const ResponseReading& reading, const json& document) {
    if (reading.outcome != Outcome::granted && reading.outcome != Outcome::pending &&
        reading.outcome != Outcome::already_claimed) {
        fuzz::claim(reading.claim_id.empty() && reading.ticket == kNoNumber &&
                        reading.amount_cents == kNoNumber,
                    "only granted, pending and repeated claims carry fields");
        return;
    }
    if (document.is_discarded()) return;
    const json* id = find(document, "/data/id");
    if (id != nullptr && id->is_string()) {
        fuzz::claim(reading.claim_id == id->get_ref<const std::string&>(), "the claim id is read");
    }
    const json* number = find(document, "/data/no");
    if (number != nullptr && number->is_number_unsigned() &&
        number->get<std::uint64_t>() <= std::uint64_t{1} << 62U) {
        fuzz::claim(reading.ticket == number->get<std::int64_t>(), "the ticket is read");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const OutcomeRules by_json = make_rules(false);
    static const OutcomeRules by_header = make_rules(true);
    static const OutcomeRules by_regex(
        {{std::nullopt, {}, "repeat(ed)?|\\bagain\\b", Outcome::granted}}, {});
    std::string_view body = fuzz::text_of(data, size);
    const std::string_view line = fuzz::take_line(body);
    int status = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), status);
    if (error != std::errc{}) status = 200;
    std::string headers;
    keep_header(headers, by_header.wanted_headers(), "location",
                line.substr(static_cast<std::size_t>(rest - line.data())));

    const json document = json::parse(body, nullptr, false);
    const ResponseReading reading = by_json.read(status, body);
    const bool regex_fits = by_regex.read(status, body).matched;
    fuzz::claim(reading.outcome == outcome_by_dom(status, document, regex_fits),
                "the outcome is that of the rules, read one by one");
    fuzz::claim(reading.matched == (reading.outcome != Outcome::unknown),
                "what no rule fits is unknown");
    check_fields(reading, document);
    fuzz::claim(by_header.read(status, body, headers).outcome == reading.outcome,
                "where fields are read from has no part in the outcome");
    return 0;
}
