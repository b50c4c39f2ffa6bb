#include "model/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace claimstorm {
namespace {

/// A little less than 64 bits hold, so that a time may still be added to.
constexpr std::int64_t kInt64Limit = 9'200'000'000'000'000'000;
constexpr double kRateMin = 1e-9;
constexpr double kRateMax = 1e12;

struct Unit {
    std::string_view suffix;
    double factor;
};

/// A non-negative decimal number followed by one of the units; nullopt if it is not just that.
template <std::size_t N>
std::optional<double> parse_scaled(std::string_view text,
                                   const std::array<Unit, N>& units) noexcept {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (error != std::errc{} || !(number >= 0) || !std::isfinite(number)) return std::nullopt;
    const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    for (const Unit& unit : units) {
        if (unit.suffix == suffix) return number * unit.factor;
    }
    return std::nullopt;
}

/// The same for digits without a point, counted exactly: a double has 53 bits.
template <std::size_t N>
std::optional<std::int64_t> parse_whole(std::string_view text,
                                        const std::array<Unit, N>& units) noexcept {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    for (const Unit& unit : units) {
        if (unit.suffix != suffix) continue;
        std::int64_t scaled = 0;
        const bool is_too_large =
            __builtin_mul_overflow(number, static_cast<std::int64_t>(unit.factor), &scaled);
        if (is_too_large || scaled > kInt64Limit) return std::nullopt;
        return scaled;
    }
    return std::nullopt;
}

constexpr std::array<Unit, 6> kTimeUnits = {
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
constexpr std::array<Unit, 3> kCountUnits = {{{"", 1}, {"k", 1e3}, {"M", 1e6}}};

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept {
    if (text == "0") return std::chrono::nanoseconds(0);
    if (const auto whole = parse_whole(text, kTimeUnits)) return std::chrono::nanoseconds(*whole);
    const auto nanos = parse_scaled(text, kTimeUnits);
    if (!nanos || *nanos > static_cast<double>(kInt64Limit)) return std::nullopt;
    return std::chrono::nanoseconds(std::llround(*nanos));
}

std::optional<std::int64_t> parse_count(std::string_view text) noexcept {
    if (const auto whole = parse_whole(text, kCountUnits)) return whole;
    const auto count = parse_scaled(text, kCountUnits);
    if (!count || *count > static_cast<double>(kInt64Limit)) return std::nullopt;
    // "1.005k" is 1004.999… in binary: what the writer meant is the whole number beside it.
    const double whole = std::round(*count);
    if (std::abs(*count - whole) > 1e-9 * std::max(1.0, whole)) return std::nullopt;
    return static_cast<std::int64_t>(whole);
}

std::optional<double> parse_rate(std::string_view text) noexcept {
    constexpr std::array<Unit, 3> kPer = {{{"/s", 1}, {"/m", 1.0 / 60}, {"/h", 1.0 / 3600}}};
    for (const Unit& per : kPer) {
        if (!text.ends_with(per.suffix)) continue;
        const auto count =
            parse_scaled(text.substr(0, text.size() - per.suffix.size()), kCountUnits);
        if (!count) return std::nullopt;
        const double rate = *count * per.factor;
        if (rate < kRateMin || rate > kRateMax) return std::nullopt;
        return rate;
    }
    return std::nullopt;
}

std::optional<std::int64_t> parse_cents(std::string_view text) noexcept {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view decimals =
        point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
    if (whole.empty() || decimals.size() > 2) return std::nullopt;
    if (point != std::string_view::npos && decimals.empty()) return std::nullopt;
    std::int64_t cents = 0;
    const auto append = [&cents, negative](char digit) {
        if (digit < '0' || digit > '9') return false;
        const int step = negative ? '0' - digit : digit - '0';
        return !__builtin_mul_overflow(cents, std::int64_t{10}, &cents) &&
               !__builtin_add_overflow(cents, step, &cents);
    };
    for (const char digit : whole) {
        if (!append(digit)) return std::nullopt;
    }
    for (std::size_t i = 0; i < 2; ++i) {
        if (!append(i < decimals.size() ? decimals[i] : '0')) return std::nullopt;
    }
    return cents;
}

std::string format_duration(std::chrono::nanoseconds duration) {
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 6> kUnits = {
        {{3'600'000'000'000, "h"},
         {60'000'000'000, "m"},
         {1'000'000'000, "s"},
         {1'000'000, "ms"},
         {1'000, "us"},
         {1, "ns"}}};
    const std::int64_t nanos = duration.count();
    if (nanos == 0) return "0s";
    for (const auto& [size, suffix] : kUnits) {
        if (nanos % size == 0) return fmt::format("{}{}", nanos / size, suffix);
    }
    return fmt::format("{}ns", nanos);
}

std::string format_rate(double per_second) {
    std::array<char, 64> digits{};  // kRateMin to kRateMax have no more
    const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(),
                                            per_second, std::chars_format::fixed);
    return error == std::errc{} ? std::string(digits.data(), end) + "/s"
                                : fmt::format("{}/s", per_second);
}

std::string with_commas(std::int64_t number) {
    std::string digits = std::to_string(number);
    const std::size_t first = number < 0 ? 1 : 0;
    for (std::size_t at = digits.size(); at > first + 3;) {
        at -= 3;
        digits.insert(at, ",");
    }
    return digits;
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] =
                std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1] ? 1U : 0U)});
            diagonal = above;
        }
    }
    return row[b.size()];
}

}  // namespace

std::optional<std::string_view> did_you_mean(std::string_view word,
                                             const std::vector<std::string_view>& candidates) {
    std::optional<std::string_view> best;
    std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (const std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best_distance && distance < candidate.size()) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string meant_or(std::string_view word, const std::vector<std::string_view>& candidates,
                     std::string_view otherwise) {
    const auto near = did_you_mean(word, candidates);
    return near ? fmt::format("did you mean '{}'?", *near) : std::string(otherwise);
}

}  // namespace claimstorm
