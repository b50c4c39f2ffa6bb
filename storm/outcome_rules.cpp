#include "storm/outcome_rules.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <re2/re2.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "model/units.h"
#include "storm/json_picker.h"

namespace claimstorm {
namespace {

using nlohmann::json;

struct ExpectedValue {
    std::size_t slot;
    json value;
    json::json_pointer pointer;  // for objects and arrays, which are not picked but compared whole
};

struct CompiledRule {
    StatusSet status;
    std::vector<ExpectedValue> expected;
    std::shared_ptr<const re2::RE2> body_regex;  // linear time, whatever the body
    Outcome is;
};

struct CompiledField {
    std::optional<std::size_t> slot;
    std::string header;
    std::shared_ptr<const re2::RE2> regex;

    bool empty() const { return !slot && header.empty() && !regex; }
};

std::shared_ptr<const re2::RE2> compile_regex(const std::string& text, const std::string& where) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    auto regex = std::make_shared<const re2::RE2>(text, options);
    if (!regex->ok()) {
        throw UsageError(
            fmt::format("{}: '{}' is not a regular expression: {}", where, text, regex->error()));
    }
    return regex;
}

std::size_t add_pointer(JsonPicker& picker, const std::string& text, const std::string& where) {
    try {
        return picker.add(text);
    } catch (const json::exception&) {
        throw UsageError(fmt::format(
            "{}: '{}' is not a JSON pointer; it starts with '/', as in \"/data/id\"", where, text));
    }
}

CompiledRule compile_rule(JsonPicker& picker, const OutcomeRule& rule, const std::string& where) {
    CompiledRule compiled{rule.status, {}, nullptr, rule.is};
    compiled.expected.reserve(rule.json.size());
    for (const auto& [pointer, value] : rule.json) {
        json expected = json::parse(value, nullptr, false);
        if (expected.is_discarded()) {
            throw UsageError(fmt::format("{}.json: '{}' is not a JSON value", where, value));
        }
        const std::size_t slot = add_pointer(picker, pointer, where + ".json");
        compiled.expected.push_back({slot, std::move(expected), json::json_pointer(pointer)});
    }
    if (rule.body_regex) {
        compiled.body_regex = compile_regex(*rule.body_regex, where + ".body_regex");
    }
    return compiled;
}

CompiledField compile_field(JsonPicker& picker, const FieldSource& source,
                            const std::string& where) {
    CompiledField field;
    if (!source.pointer.empty()) field.slot = add_pointer(picker, source.pointer, where);
    field.header = source.header;
    if (!source.regex.empty()) {
        field.regex = compile_regex(source.regex, where + ".regex");
        if (field.regex->NumberOfCapturingGroups() == 0) {
            throw UsageError(
                fmt::format("{}.regex: '{}' has no group to take the value from; put it in "
                            "brackets, as in \"order=(\\\\d+)\"",
                            where, source.regex));
        }
    }
    return field;
}

bool equals(const PickedValue& picked, const json& expected) {
    using Kind = PickedValue::Kind;
    switch (picked.kind) {
        case Kind::absent:
        case Kind::structured:
            return false;
        case Kind::null:
            return expected.is_null();
        case Kind::boolean:
            return expected.is_boolean() && expected.get<bool>() == picked.boolean;
        case Kind::integer:
            return expected.is_number() && expected == json(picked.integer);
        case Kind::natural:
            return expected.is_number() && expected == json(picked.natural);
        case Kind::decimal:
            return expected.is_number() && expected == json(picked.real);
        case Kind::text:
            return expected.is_string() && expected.get_ref<const std::string&>() == picked.text;
    }
    return false;
}

/// A value taken out of an answer: a text as it is, a number as it was written.
std::string text_of(const PickedValue& picked) {
    using Kind = PickedValue::Kind;
    switch (picked.kind) {
        case Kind::boolean:
            return picked.boolean ? "true" : "false";
        case Kind::integer:
            return std::to_string(picked.integer);
        case Kind::natural:
            return std::to_string(picked.natural);
        case Kind::decimal:
        case Kind::text:
            return picked.text;
        default:
            return {};  // objects and arrays are no id
    }
}

std::int64_t number_of(std::string_view text) {
    std::int64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && rest == end && !text.empty() ? number : kNoNumber;
}

std::int64_t number_of(const PickedValue& picked) {
    using Kind = PickedValue::Kind;
    if (picked.kind == Kind::integer) return picked.integer;
    if (picked.kind == Kind::text) return number_of(picked.text);
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (picked.kind != Kind::natural || picked.natural > kMost) return kNoNumber;
    return static_cast<std::int64_t>(picked.natural);
}

std::int64_t cents_of(const PickedValue& picked) {
    // A decimal is read from its digits: as a double, 1.15 would be 1.149999….
    if (picked.kind == PickedValue::Kind::boolean) return kNoNumber;
    return parse_cents(text_of(picked)).value_or(kNoNumber);
}

/// An answer while it is read: its body is taken apart when that is first asked for.
class Answer {
  public:
    Answer(const JsonPicker& picker, std::string_view body, std::string_view headers)
        : picker_(picker), body_(body), headers_(headers) {}

    const PickedValue& at(std::size_t slot) {
        // One answer is read at a time on a thread, and the texts keep their memory.
        thread_local std::vector<PickedValue> picked;
        if (!is_picked_) picker_.pick(body_, picked);
        is_picked_ = true;
        return picked[slot];
    }

    bool has(const ExpectedValue& expected) {
        if (!expected.value.is_structured()) return equals(at(expected.slot), expected.value);
        if (at(expected.slot).kind != PickedValue::Kind::structured) return false;
        if (!document_) document_ = json::parse(body_, nullptr, false);
        return document_->contains(expected.pointer) &&
               document_->at(expected.pointer) == expected.value;
    }

    bool has(const re2::RE2& regex) const { return re2::RE2::PartialMatch(piece(body_), regex); }

    /// The text of a field that is no JSON value.
    std::optional<std::string_view> text_at(const CompiledField& field) const {
        std::string_view text = body_;
        if (!field.header.empty()) {
            const auto value = kept_header(headers_, field.header);
            if (!value) return std::nullopt;
            text = *value;
        }
        if (!field.regex) return text;
        re2::StringPiece taken;
        if (!re2::RE2::PartialMatch(piece(text), *field.regex, &taken)) return std::nullopt;
        return std::string_view(taken.data(), taken.size());
    }

  private:
    static re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

    const JsonPicker& picker_;
    std::string_view body_;
    std::string_view headers_;
    bool is_picked_ = false;
    std::optional<json> document_;
};

bool fits(const CompiledRule& rule, int status, Answer& answer) {
    if (!rule.status.contains(status)) return false;
    for (const ExpectedValue& expected : rule.expected) {
        if (!answer.has(expected)) return false;
    }
    return !rule.body_regex || answer.has(*rule.body_regex);
}

bool carries_fields(Outcome outcome) {
    return outcome == Outcome::granted || outcome == Outcome::pending ||
           outcome == Outcome::already_claimed;
}

}  // namespace

struct OutcomeRules::Compiled {
    JsonPicker picker;
    std::vector<CompiledRule> rules;
    CompiledField claim_id;
    CompiledField poll_id;
    CompiledField ticket;
    CompiledField amount_cents;
    CompiledField amount;
    HeaderNames headers;

    static void read_text(const CompiledField& field, Answer& answer, std::string& text) {
        if (field.slot) {
            text = text_of(answer.at(*field.slot));
        } else if (!field.empty()) {
            text = answer.text_at(field).value_or("");
        }
    }

    void read_fields(Answer& answer, ResponseReading& reading) const {
        read_text(claim_id, answer, reading.claim_id);
        if (reading.outcome == Outcome::pending) read_text(poll_id, answer, reading.poll_id);
        const auto read_number = [&answer](const CompiledField& field, auto&& of_value,
                                           auto&& of_text) {
            if (field.slot) return of_value(answer.at(*field.slot));
            const auto text = answer.text_at(field);
            return text ? of_text(*text) : kNoNumber;
        };
        const auto whole = [](const auto& value) { return number_of(value); };
        if (!ticket.empty()) reading.ticket = read_number(ticket, whole, whole);
        if (!amount_cents.empty()) reading.amount_cents = read_number(amount_cents, whole, whole);
        if (amount.empty()) return;
        reading.amount_cents = read_number(amount, cents_of, [](std::string_view text) {
            return parse_cents(text).value_or(kNoNumber);
        });
    }
};

OutcomeRules::OutcomeRules(const std::vector<OutcomeRule>& rules, const ResponseFields& fields) {
    auto compiled = std::make_unique<Compiled>();
    compiled->rules.reserve(rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        compiled->rules.push_back(
            compile_rule(compiled->picker, rules[i], fmt::format("outcomes/{}", i)));
    }
    const auto compile = [&](const FieldSource& source, const char* name) {
        if (!source.header.empty()) compiled->headers.push_back(source.header);
        return compile_field(compiled->picker, source, fmt::format("fields/{}", name));
    };
    compiled->claim_id = compile(fields.claim_id, "claim_id");
    compiled->poll_id = compile(fields.poll_id, "poll_id");
    compiled->ticket = compile(fields.ticket, "ticket");
    compiled->amount_cents = compile(fields.amount_cents, "amount_cents");
    compiled->amount = compile(fields.amount, "amount");
    compiled_ = std::move(compiled);
}

OutcomeRules::~OutcomeRules() = default;
OutcomeRules::OutcomeRules(OutcomeRules&&) noexcept = default;
OutcomeRules& OutcomeRules::operator=(OutcomeRules&&) noexcept = default;

const HeaderNames& OutcomeRules::wanted_headers() const noexcept {
    return compiled_->headers;
}

ResponseReading OutcomeRules::read(int status, std::string_view body,
                                   std::string_view headers) const {
    ResponseReading reading;
    Answer answer(compiled_->picker, body, headers);
    for (const CompiledRule& rule : compiled_->rules) {
        if (!fits(rule, status, answer)) continue;
        reading.outcome = rule.is;
        reading.matched = true;
        break;
    }
    if (carries_fields(reading.outcome)) compiled_->read_fields(answer, reading);
    return reading;
}

}  // namespace claimstorm
