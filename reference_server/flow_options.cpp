#include "reference_server/flow_options.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm::reference {
namespace {

std::string meant(std::string_view word, const std::vector<std::string>& candidates) {
    const auto near = did_you_mean(word, {candidates.begin(), candidates.end()});
    return near ? fmt::format(" (did you mean '{}'?)", *near) : "";
}

}  // namespace

OptionSpec duration_option(std::string name, std::string default_value, std::string about,
                           std::chrono::nanoseconds min, std::chrono::nanoseconds max) {
    return {std::move(name),
            OptionSpec::Kind::duration,
            std::move(default_value),
            std::move(about),
            {},
            min.count(),
            max.count()};
}

OptionSpec count_option(std::string name, std::string default_value, std::string about,
                        std::int64_t min, std::int64_t max) {
    return {std::move(name),
            OptionSpec::Kind::count,
            std::move(default_value),
            std::move(about),
            {},
            min,
            max};
}

OptionSpec choice_option(std::string name, std::string default_value, std::string about,
                         std::vector<std::string> choices) {
    return {std::move(name), OptionSpec::Kind::choice, std::move(default_value), std::move(about),
            std::move(choices)};
}

FlowOptions::FlowOptions(std::string_view flow, std::vector<OptionSpec> specs,
                         const std::vector<std::string>& given)
    : flow_(flow), specs_(std::move(specs)) {
    for (const OptionSpec& spec : specs_) set(spec, spec.default_value);
    for (const std::string_view one : given) {
        const auto equals = one.find('=');
        if (equals == std::string_view::npos) {
            throw UsageError(fmt::format("--option '{}': write it as name=value", one));
        }
        set(spec(one.substr(0, equals)), one.substr(equals + 1));
    }
}

const OptionSpec& FlowOptions::spec(std::string_view name) const {
    std::vector<std::string> names;
    for (const OptionSpec& spec : specs_) {
        if (spec.name == name) return spec;
        names.push_back(spec.name);
    }
    throw UsageError(fmt::format(
        "--option: {} has no option '{}'{}; {}", flow_, name, meant(name, names),
        names.empty() ? "it has none" : fmt::format("it has {}", fmt::join(names, ", "))));
}

void FlowOptions::set(const OptionSpec& spec, std::string_view value) {
    const auto refuse = [&](const std::string& wanted) {
        throw UsageError(fmt::format("--option {}: '{}' is not {}", spec.name, value, wanted));
    };
    const auto within = [&](std::int64_t number) {
        return number >= spec.min && number <= spec.max;
    };
    switch (spec.kind) {
        case OptionSpec::Kind::duration: {
            const auto time = parse_duration(value);
            if (!time || !within(time->count())) {
                refuse(fmt::format("a duration from {} to {}",
                                   format_duration(std::chrono::nanoseconds(spec.min)),
                                   format_duration(std::chrono::nanoseconds(spec.max))));
            }
            numbers_[spec.name] = time->count();
            break;
        }
        case OptionSpec::Kind::count: {
            const auto number = parse_count(value);
            if (!number || !within(*number)) {
                refuse(fmt::format("a whole number from {} to {}", spec.min, spec.max));
            }
            numbers_[spec.name] = *number;
            break;
        }
        case OptionSpec::Kind::choice:
            if (std::find(spec.choices.begin(), spec.choices.end(), value) == spec.choices.end()) {
                refuse(fmt::format("one of {}{}", fmt::join(spec.choices, ", "),
                                   meant(value, spec.choices)));
            }
            words_[spec.name] = value;
            break;
    }
}

std::chrono::nanoseconds FlowOptions::duration(std::string_view name) const {
    return std::chrono::nanoseconds(numbers_.find(name)->second);
}

std::int64_t FlowOptions::count(std::string_view name) const {
    return numbers_.find(name)->second;
}

const std::string& FlowOptions::choice(std::string_view name) const {
    return words_.find(name)->second;
}

}  // namespace claimstorm::reference
