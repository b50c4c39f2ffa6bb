#include "scenarios/json_place.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

using nlohmann::json;

std::string escape_pointer(std::string_view key) {
    std::string out;
    for (const char c : key) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out.push_back(c);
        }
    }
    return out;
}

std::pair<std::size_t, std::size_t> line_and_column(std::string_view text, std::size_t byte) {
    const std::string_view before = text.substr(0, std::min(byte, text.size()));
    const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t newline = before.rfind('\n');
    return {line, before.size() - (newline == std::string_view::npos ? 0 : newline + 1) + 1};
}

/// Objects and arrays that a target or scenario nests; deeper is a mistake or an attack.
constexpr int kDepthMax = 64;

}  // namespace

std::string JsonPlace::where() const {
    return fmt::format("{}: {}", file_, pointer_.empty() ? "/" : pointer_);
}

void JsonPlace::fail(std::string_view what) const {
    throw UsageError(fmt::format("{}: {}", where(), what));
}

void JsonPlace::require_object() const {
    if (!value_->is_object()) {
        fail(fmt::format("an object is wanted here, this is {}", value_->type_name()));
    }
}

void JsonPlace::require_keys(const std::vector<std::string_view>& keys) const {
    require_object();
    for (const auto& [key, member] : value_->items()) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        fail(fmt::format(
            "unknown key '{}'; {}", key,
            meant_or(key, keys, fmt::format("known here are: {}", fmt::join(keys, ", ")))));
    }
}

std::optional<JsonPlace> JsonPlace::find(std::string_view key) const {
    require_object();
    const auto found = value_->find(key);
    if (found == value_->end()) return std::nullopt;
    return JsonPlace(*found, file_, pointer_ + "/" + escape_pointer(key));
}

JsonPlace JsonPlace::at(std::string_view key) const {
    if (auto found = find(key)) return *found;
    fail(fmt::format("the key '{}' is missing", key));
}

JsonPlace JsonPlace::item(std::size_t index) const {
    return {value_->at(index), file_, fmt::format("{}/{}", pointer_, index)};
}

std::vector<JsonPlace> JsonPlace::items() const {
    if (!value_->is_array()) {
        fail(fmt::format("a list is wanted here, this is {}", value_->type_name()));
    }
    std::vector<JsonPlace> places;
    for (std::size_t i = 0; i < value_->size(); ++i) places.push_back(item(i));
    return places;
}

std::vector<std::pair<std::string, JsonPlace>> JsonPlace::members() const {
    require_object();
    std::vector<std::pair<std::string, JsonPlace>> places;
    for (const auto& [key, member] : value_->items()) places.emplace_back(key, at(key));
    return places;
}

std::string JsonPlace::string() const {
    if (!value_->is_string()) {
        fail(fmt::format("a text in quotes is wanted here, this is {}", value_->type_name()));
    }
    return value_->get<std::string>();
}

std::string JsonPlace::non_empty_string() const {
    std::string text = string();
    if (text.empty()) fail("this text must not be empty");
    return text;
}

bool JsonPlace::boolean() const {
    if (!value_->is_boolean()) {
        fail(fmt::format("true or false is wanted here, this is {}", value_->type_name()));
    }
    return value_->get<bool>();
}

double JsonPlace::number(double low, double high) const {
    if (!value_->is_number()) {
        fail(fmt::format("a number is wanted here, this is {}", value_->type_name()));
    }
    const double number = value_->get<double>();
    if (!(number >= low && number <= high)) {
        fail(fmt::format("{} is out of range: {} to {}", value_->dump(), low, high));
    }
    return number;
}

std::int64_t JsonPlace::count(std::int64_t low, std::int64_t high) const {
    std::optional<std::int64_t> count;
    if (value_->is_number_unsigned()) {
        const auto wide = value_->get<std::uint64_t>();
        if (wide <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            count = static_cast<std::int64_t>(wide);
        }
    } else if (value_->is_number_integer()) {
        count = value_->get<std::int64_t>();
    } else if (value_->is_string()) {
        count = parse_count(value_->get_ref<const std::string&>());
    }
    if (!count) {
        fail(fmt::format("{} is not a whole number; write it as 2000 or \"2k\"", value_->dump()));
    }
    if (*count < low || *count > high) {
        fail(high == std::numeric_limits<std::int64_t>::max()
                 ? fmt::format("{} is too small: at least {}", *count, low)
                 : fmt::format("{} is out of range: {} to {}", *count, low, high));
    }
    return *count;
}

std::chrono::nanoseconds JsonPlace::duration(std::chrono::nanoseconds low) const {
    const auto duration =
        value_->is_string() ? parse_duration(value_->get_ref<const std::string&>()) : std::nullopt;
    if (!duration) {
        fail(fmt::format("{} is not a duration; write it as \"500ms\", \"30s\" or \"5m\"",
                         value_->dump()));
    }
    if (*duration < low) {
        fail(fmt::format("{} is too short: at least {}", value_->dump(), format_duration(low)));
    }
    return *duration;
}

double JsonPlace::rate_per_second() const {
    const auto rate =
        value_->is_string() ? parse_rate(value_->get_ref<const std::string&>()) : std::nullopt;
    if (!rate) {
        fail(fmt::format("{} is not a rate above 0; write it as \"500/s\" or \"10k/s\"",
                         value_->dump()));
    }
    return *rate;
}

std::vector<std::string> JsonPlace::strings() const {
    std::vector<std::string> texts;
    for (const JsonPlace& place : items()) texts.push_back(place.string());
    return texts;
}

json parse_json_text(std::string_view text, const std::string& file) {
    std::vector<std::set<std::string>> keys_of_open_objects;
    std::string twice;
    bool too_deep = false;
    const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
        too_deep |= depth > kDepthMax;
        if (event == json::parse_event_t::object_start) keys_of_open_objects.emplace_back();
        if (event == json::parse_event_t::object_end) keys_of_open_objects.pop_back();
        if (event == json::parse_event_t::key && twice.empty()) {
            const auto& key = parsed.get_ref<const std::string&>();
            if (!keys_of_open_objects.back().insert(key).second) twice = key;
        }
        return true;
    };
    try {
        json document = json::parse(text, watch, true, true);
        if (!twice.empty()) {
            throw UsageError(
                fmt::format("{}: the key '{}' stands twice in one object", file, twice));
        }
        if (too_deep) {
            throw UsageError(fmt::format("{}: nested deeper than {} levels", file, kDepthMax));
        }
        return document;
    } catch (const json::parse_error& error) {
        const auto [line, column] = line_and_column(text, error.byte == 0 ? 0 : error.byte - 1);
        // nlohmann's text is "[json.exception.parse_error.101] parse error at line …: what".
        std::string what = error.what();
        const std::size_t colon = what.find(": ");
        if (colon != std::string::npos) what = what.substr(colon + 2);
        std::replace(what.begin(), what.end(), '\n', ' ');
        throw UsageError(fmt::format("{}:{}:{}: not JSON: {}", file, line, column, what));
    } catch (const json::exception& error) {
        throw UsageError(fmt::format("{}: not JSON: {}", file, error.what()));
    }
}

std::string read_text_file(const std::string& path, std::string_view what) {
    constexpr std::size_t kBytesMax = std::size_t{64} << 20U;
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        throw UsageError(fmt::format("{} '{}' is a folder; name a file", what, path));
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        throw UsageError(
            fmt::format("{} '{}' cannot be read: {}", what, path, std::strerror(errno)));
    }
    // A pipe or a device does not say how much it has, so it is read until it is too much.
    std::string text;
    std::array<char, std::size_t{64} * 1024> piece{};
    while (in.read(piece.data(), piece.size()), in.gcount() > 0) {
        text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
        if (text.size() > kBytesMax) {
            throw UsageError(fmt::format("{} '{}' has more than {} bytes", what, path, kBytesMax));
        }
    }
    return text;
}

}  // namespace claimstorm
