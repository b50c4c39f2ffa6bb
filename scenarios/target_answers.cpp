// How a target's answers are understood: its outcome rules and the fields read from them.
#include <algorithm>

#include <fmt/format.h>

#include "model/units.h"
#include "scenarios/target_parts.h"
#include "storm/outcome_rules.h"

namespace claimstorm {
namespace {

Outcome read_outcome(const JsonPlace& place) {
    const std::string name = place.string();
    if (const auto outcome = outcome_from(name); outcome && *outcome != Outcome::not_sent) {
        return *outcome;
    }
    std::vector<std::string_view> names;
    for (const Outcome outcome : kOutcomes) {
        if (outcome != Outcome::not_sent) names.push_back(to_string(outcome));
    }
    place.fail(
        fmt::format("'{}' is not an outcome; {}", name,
                    meant_or(name, names, fmt::format("one of {}", fmt::join(names, ", ")))));
}

/// 200, "2xx", "404".
StatusSet::Range read_status(const JsonPlace& place) {
    if (place.value().is_number()) {
        const auto status = static_cast<int>(place.count(100, 599));
        return {status, status};
    }
    const std::string text = place.string();
    const bool is_class = text.size() == 3 && text[0] >= '1' && text[0] <= '5' &&
                          (text.substr(1) == "xx" || text.substr(1) == "XX");
    if (is_class) {
        const int first = (text[0] - '0') * 100;
        return {first, first + 99};
    }
    const auto status = parse_count(text);
    if (!status || *status < 100 || *status > 599) {
        place.fail(fmt::format(
            "'{}' is not a status; write 409, \"4xx\", or a list such as [200, \"4xx\"]", text));
    }
    return {static_cast<int>(*status), static_cast<int>(*status)};
}

StatusSet read_statuses(const JsonPlace& place) {
    StatusSet statuses;
    if (!place.value().is_array()) {
        statuses.ranges.push_back(read_status(place));
        return statuses;
    }
    const std::vector<JsonPlace> list = place.items();
    if (list.empty()) place.fail("an empty list fits no status; leave \"status\" out for any");
    statuses.ranges.reserve(list.size());
    for (const JsonPlace& one : list) statuses.ranges.push_back(read_status(one));
    return statuses;
}

}  // namespace

std::vector<OutcomeRule> read_outcomes(const JsonPlace& place) {
    std::vector<OutcomeRule> rules;
    for (const JsonPlace& entry : place.items()) {
        entry.require_keys({"status", "json", "body_regex", "is"});
        OutcomeRule rule;
        if (const auto status = entry.find("status")) rule.status = read_statuses(*status);
        if (const auto json = entry.find("json")) {
            for (const auto& [pointer, value] : json->members()) {
                rule.json.emplace_back(pointer, value.value().dump());
            }
        }
        if (const auto regex = entry.find("body_regex")) rule.body_regex = regex->string();
        rule.is = read_outcome(entry.at("is"));
        placed(entry, [&] { OutcomeRules({rule}, {}); });
        rules.push_back(std::move(rule));
    }
    if (rules.empty()) place.fail("without a rule every answer would be unknown; add one");
    const bool can_grant = std::any_of(rules.begin(), rules.end(), [](const OutcomeRule& rule) {
        return rule.is == Outcome::granted || rule.is == Outcome::pending;
    });
    if (!can_grant) place.fail("no rule says \"granted\": such a storm could prove nothing");
    return rules;
}

namespace {

/// "/data/id", {"regex": "order=(\\d+)"}, {"header": "Location"} or both of the latter.
FieldSource read_field_source(const JsonPlace& place) {
    if (place.value().is_string()) return place.string();
    if (!place.value().is_object()) {
        place.fail(
            "a JSON pointer such as \"/data/id\", {\"regex\": …} or {\"header\": …} is wanted "
            "here");
    }
    place.require_keys({"regex", "header"});
    FieldSource source;
    if (const auto regex = place.find("regex")) source.regex = regex->non_empty_string();
    if (const auto header = place.find("header")) {
        source.header = header->string();
        if (!is_header_name(source.header)) {
            header->fail(fmt::format("'{}' is not a header name", source.header));
        }
    }
    if (source.empty()) place.fail("one of regex and header is wanted, or both");
    return source;
}

}  // namespace

ResponseFields read_fields(const JsonPlace& place) {
    place.require_keys({"claim_id", "ticket", "amount_cents", "amount", "poll_id"});
    ResponseFields fields;
    const auto read = [&](std::string_view key, FieldSource& source) {
        const auto found = place.find(key);
        if (!found) return;
        source = read_field_source(*found);
        ResponseFields alone;
        alone.claim_id = source;
        try {
            OutcomeRules({}, alone);
        } catch (const UsageError& error) {
            // Its place is told better than by the rules, which know no file.
            const std::string what = error.what();
            found->fail(what.substr(what.find(": ") + 2));
        }
    };
    read("claim_id", fields.claim_id);
    read("ticket", fields.ticket);
    read("amount_cents", fields.amount_cents);
    read("amount", fields.amount);
    read("poll_id", fields.poll_id);
    if (!fields.amount.empty() && !fields.amount_cents.empty()) {
        place.fail("amount (\"1.23\") and amount_cents (123) say the same: name one");
    }
    return fields;
}

}  // namespace claimstorm
