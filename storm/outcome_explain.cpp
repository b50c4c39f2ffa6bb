#include "storm/outcome_explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "storm/json_picker.h"

namespace claimstorm {
namespace {

constexpr std::size_t kValueShown = 100;

std::string shortened(std::string text) {
    if (text.size() <= kValueShown) return text;
    return text.substr(0, kValueShown) + "…";
}

std::string as_json(const std::string& text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// "1001", "\"ok\"", "absent", "an object or a list".
std::string told(const PickedValue& value) {
    using Kind = PickedValue::Kind;
    switch (value.kind) {
        case Kind::absent:
            return "absent";
        case Kind::null:
            return "null";
        case Kind::boolean:
            return value.boolean ? "true" : "false";
        case Kind::integer:
            return std::to_string(value.integer);
        case Kind::natural:
            return std::to_string(value.natural);
        case Kind::decimal:
            return shortened(value.text);
        case Kind::text:
            return shortened(as_json(value.text));
        case Kind::structured:
            return "an object or a list";
    }
    return {};
}

/// "/code is 1001", or that the body is not JSON at all.
std::string told_at(const std::string& pointer, std::string_view body) {
    JsonPicker picker;
    const std::size_t slot = picker.add(pointer);
    std::vector<PickedValue> picked;
    if (!picker.pick(body, picked)) return "the body is not JSON";
    return fmt::format("{} is {}", pointer.empty() ? "the body" : pointer, told(picked[slot]));
}

std::string told(const StatusSet& statuses) {
    std::vector<std::string> words;
    for (const StatusSet::Range& range : statuses.ranges) {
        words.push_back(range.first == range.last ? std::to_string(range.first)
                                                  : fmt::format("{}xx", range.first / 100));
    }
    return fmt::format("{}", fmt::join(words, " or "));
}

/// Each part is put to the question as a rule of its own, so that what is told is what is done.
bool fits(const OutcomeRule& part, int status, std::string_view body) {
    return OutcomeRules({part}, {}).read(status, body).matched;
}

RuleExplained explain(const OutcomeRule& rule, int status, std::string_view body) {
    RuleExplained explained{fits(rule, status, body), rule.is, {}};
    const auto add = [&](const OutcomeRule& part, const std::string& found,
                         const std::string& wanted) {
        const bool part_fits = fits(part, status, body);
        explained.parts.push_back({part_fits, part_fits ? found : found + wanted});
    };
    if (!rule.status.empty()) {
        OutcomeRule part;
        part.status = rule.status;
        add(part, fmt::format("status is {}", status),
            fmt::format(", wanted {}", told(rule.status)));
    }
    for (const auto& [pointer, value] : rule.json) {
        OutcomeRule part;
        part.json = {{pointer, value}};
        add(part, told_at(pointer, body), fmt::format(", wanted {}", shortened(value)));
    }
    if (rule.body_regex) {
        OutcomeRule part;
        part.body_regex = rule.body_regex;
        const bool matches = fits(part, status, body);
        explained.parts.push_back(
            {matches, fmt::format("the body {} '{}'", matches ? "matches" : "does not match",
                                  *rule.body_regex)});
    }
    return explained;
}

std::string told(const FieldSource& source) {
    if (!source.pointer.empty()) return source.pointer;
    std::string text;
    if (!source.header.empty()) text = "header " + source.header;
    if (!source.regex.empty()) text += (text.empty() ? "regex " : ", regex ") + source.regex;
    return text;
}

std::string why_not(const FieldSource& source, std::string_view body, std::string_view headers,
                    const char* wanted) {
    if (!source.pointer.empty()) {
        const std::string found = told_at(source.pointer, body);
        const bool is_there = !found.ends_with(" is absent") && !found.ends_with(" not JSON");
        return is_there ? fmt::format("{}, wanted {}", found, wanted) : found;
    }
    if (!source.header.empty()) {
        const auto value = kept_header(headers, source.header);
        if (!value) return "the answer has no such header";
        return fmt::format("the header is '{}', wanted {}", shortened(std::string(*value)), wanted);
    }
    return fmt::format("it takes nothing from the body that is {}", wanted);
}

}  // namespace

std::vector<RuleExplained> explain_rules(const std::vector<OutcomeRule>& rules, int status,
                                         std::string_view body) {
    std::vector<RuleExplained> explained;
    explained.reserve(rules.size());
    for (const OutcomeRule& rule : rules) explained.push_back(explain(rule, status, body));
    return explained;
}

std::vector<FieldExplained> explain_fields(const ResponseFields& fields, Outcome outcome,
                                           std::string_view body, std::string_view headers) {
    OutcomeRule any;
    any.is = outcome;
    const ResponseReading reading = OutcomeRules({any}, fields).read(200, body, headers);
    std::vector<FieldExplained> explained;
    const auto add = [&](const char* name, const FieldSource& source, bool is_read,
                         const std::string& value, const char* wanted) {
        if (source.empty()) return;
        explained.push_back({name, told(source), is_read,
                             is_read ? value : why_not(source, body, headers, wanted)});
    };
    const auto add_number = [&](const char* name, const FieldSource& source, std::int64_t number,
                                const char* wanted) {
        add(name, source, number != kNoNumber, std::to_string(number), wanted);
    };
    add("claim_id", fields.claim_id, !reading.claim_id.empty(), reading.claim_id,
        "a text or a number");
    if (outcome == Outcome::pending) {
        add("poll_id", fields.poll_id, !reading.poll_id.empty(), reading.poll_id,
            "a text or a number");
    }
    add_number("ticket", fields.ticket, reading.ticket, "a whole number");
    add_number("amount_cents", fields.amount_cents, reading.amount_cents, "a whole number");
    add("amount", fields.amount, reading.amount_cents != kNoNumber,
        fmt::format("{} cents", reading.amount_cents),
        "an amount with at most two decimals, such as 1.23");
    return explained;
}

}  // namespace claimstorm
