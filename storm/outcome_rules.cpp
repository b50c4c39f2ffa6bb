#include "storm/outcome_rules.h"

#include <charconv>
#include <optional>
#include <re2/re2.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"

namespace claimstorm {
namespace {

using nlohmann::json;

struct CompiledRule {
    std::optional<int> status;
    std::vector<std::pair<json::json_pointer, json>> expected;
    std::shared_ptr<const re2::RE2> body_regex;  // linear time, whatever the body
    Outcome is;
};

json::json_pointer compile_pointer(const std::string& text, const std::string& where) {
    try {
        return json::json_pointer(text);
    } catch (const json::exception&) {
        throw UsageError(fmt::format(
            "{}: '{}' is not a JSON pointer; it starts with '/', as in \"/data/id\"", where, text));
    }
}

CompiledRule compile_rule(const OutcomeRule& rule, const std::string& where) {
    CompiledRule compiled{rule.status, {}, nullptr, rule.is};
    for (const auto& [pointer, value] : rule.json) {
        json expected = json::parse(value, nullptr, false);
        if (expected.is_discarded()) {
            throw UsageError(fmt::format("{}.json: '{}' is not a JSON value", where, value));
        }
        compiled.expected.emplace_back(compile_pointer(pointer, where + ".json"),
                                       std::move(expected));
    }
    if (rule.body_regex) {
        re2::RE2::Options options;
        options.set_log_errors(false);
        auto regex = std::make_shared<const re2::RE2>(*rule.body_regex, options);
        if (!regex->ok()) {
            throw UsageError(fmt::format("{}.body_regex: '{}' is not a regular expression: {}",
                                         where, *rule.body_regex, regex->error()));
        }
        compiled.body_regex = std::move(regex);
    }
    return compiled;
}

const json* find(const json& document, const json::json_pointer& pointer) {
    // contains() and at() walk twice, but at() alone throws for every absent field.
    if (document.is_discarded() || !document.contains(pointer)) return nullptr;
    return &document.at(pointer);
}

std::string text_of(const json* value) {
    if (value == nullptr || value->is_null()) return {};
    if (value->is_string()) return value->get<std::string>();
    // Objects and arrays are no id; and dump() recurses into what a service may nest at will.
    return value->is_structured() ? std::string() : value->dump();
}

std::int64_t number_of(const json* value) {
    if (value == nullptr) return kNoNumber;
    if (value->is_number_integer()) return value->get<std::int64_t>();
    if (!value->is_string()) return kNoNumber;
    const auto& text = value->get_ref<const std::string&>();
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && rest == end && !text.empty() ? number : kNoNumber;
}

bool fits(const CompiledRule& rule, int status, std::string_view body, const json& document) {
    if (rule.status && *rule.status != status) return false;
    for (const auto& [pointer, expected] : rule.expected) {
        const json* value = find(document, pointer);
        if (value == nullptr || *value != expected) return false;
    }
    if (rule.body_regex) {
        return re2::RE2::PartialMatch(re2::StringPiece(body.data(), body.size()), *rule.body_regex);
    }
    return true;
}

}  // namespace

struct OutcomeRules::Compiled {
    std::vector<CompiledRule> rules;
    std::optional<json::json_pointer> claim_id;
    std::optional<json::json_pointer> ticket;
    std::optional<json::json_pointer> amount_cents;
    bool needs_json = false;
};

OutcomeRules::OutcomeRules(const std::vector<OutcomeRule>& rules, const FieldPointers& fields) {
    auto compiled = std::make_unique<Compiled>();
    for (std::size_t i = 0; i < rules.size(); ++i) {
        compiled->rules.push_back(compile_rule(rules[i], fmt::format("outcomes/{}", i)));
        compiled->needs_json |= !rules[i].json.empty();
    }
    const auto field = [&](const std::string& text, const char* name) {
        std::optional<json::json_pointer> pointer;
        if (!text.empty()) pointer = compile_pointer(text, fmt::format("fields/{}", name));
        compiled->needs_json |= pointer.has_value();
        return pointer;
    };
    compiled->claim_id = field(fields.claim_id, "claim_id");
    compiled->ticket = field(fields.ticket, "ticket");
    compiled->amount_cents = field(fields.amount_cents, "amount_cents");
    compiled_ = std::move(compiled);
}

OutcomeRules::~OutcomeRules() = default;
OutcomeRules::OutcomeRules(OutcomeRules&&) noexcept = default;
OutcomeRules& OutcomeRules::operator=(OutcomeRules&&) noexcept = default;

ResponseReading OutcomeRules::read(int status, std::string_view body) const {
    ResponseReading reading;
    json document(json::value_t::discarded);
    if (compiled_->needs_json) document = json::parse(body, nullptr, false);
    for (const CompiledRule& rule : compiled_->rules) {
        if (!fits(rule, status, body, document)) continue;
        reading.outcome = rule.is;
        reading.matched = true;
        break;
    }
    if (reading.outcome == Outcome::granted || reading.outcome == Outcome::pending ||
        reading.outcome == Outcome::already_claimed) {
        const auto at = [&](const auto& pointer) {
            return pointer ? find(document, *pointer) : nullptr;
        };
        reading.claim_id = text_of(at(compiled_->claim_id));
        reading.ticket = number_of(at(compiled_->ticket));
        reading.amount_cents = number_of(at(compiled_->amount_cents));
    }
    return reading;
}

}  // namespace claimstorm
