#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// "500ms", "1.5s", "30s", "5m", "2h", "200us", "0": the field's way to write a duration.
/// nullopt for anything else, for negatives and for more than 292 years.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) noexcept;

/// "500", "10k", "1.5M": a whole count; nullopt when it is none (e.g. "1.2345k").
std::optional<std::int64_t> parse_count(std::string_view text) noexcept;

/// "500/s", "10k/s", "30/m": attempts per second, from 1e-9 to 1e12.
std::optional<double> parse_rate(std::string_view text) noexcept;

/// "1.23", "1.2", "1", "-0.05": an amount of money, in cents and exact; nullopt for anything else,
/// such as a third decimal, an exponent, a sign of plus, or more than 64 bits hold.
std::optional<std::int64_t> parse_cents(std::string_view text) noexcept;

/// The shortest exact spelling `parse_duration` reads back: "1500ms", "2s", "0s".
std::string format_duration(std::chrono::nanoseconds duration);

/// The shortest spelling, without an exponent, that `parse_rate` reads back: "0.5/s".
std::string format_rate(double per_second);

/// "1,234,567".
std::string with_commas(std::int64_t number);

/// The candidate nearest to `word` by edit distance, if it is near enough to be meant.
std::optional<std::string_view> did_you_mean(std::string_view word,
                                             const std::vector<std::string_view>& candidates);

/// The end of a message about a word that is none of the candidates: "did you mean 'x'?" where one
/// is near enough, else `otherwise`.
std::string meant_or(std::string_view word, const std::vector<std::string_view>& candidates,
                     std::string_view otherwise);

}  // namespace claimstorm
