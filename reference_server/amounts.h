#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm::reference {

/// How a budget becomes the amounts of a red envelope campaign: two right ways, two wrong ones.
enum class Split : std::uint8_t {
    double_mean,    ///< each draw between 1 and twice the mean of what is left; the last: the rest
    line_cut,       ///< count-1 distinct cuts through a line of `total` cents
    float_shares,   ///< wrong: shares of yuan in floats, each rounded to cents; the last: the rest
    repeated_cuts,  ///< wrong: line-cut with cuts that may coincide
};

/// "double-mean", "line-cut" …: the choices of an option `split`, in the order of the enumeration.
std::vector<std::string> split_names();
std::string_view to_string(Split how) noexcept;
/// Precondition: `name` is one of `split_names()`, as FlowOptions has made sure.
Split split_from(std::string_view name);

/// One draw of double_mean: from [1, 2*rest/left - 1], all of the rest for the last. The
/// expectation is rest/left. Precondition: rest >= left >= 1.
std::int64_t draw_double_mean(std::int64_t rest, std::int64_t left, std::mt19937_64& random);

/// Splits `total_cents` into `count` amounts.
///
/// double_mean and line_cut: `count` amounts, each at least 1, whose sum is the total exactly, and
/// the same expectation, total/count, at every position. Line-cut takes each division of the total
/// with the same probability. Memory and time grow with `count` (line_cut: times its logarithm),
/// not with the total.
///
/// The wrong ones give `count` amounts too, which is all they promise: see amounts.cpp.
///
/// Throws BadRequest when there is nothing to split into (count < 1), or less than a cent for each.
std::vector<std::int64_t> split_amounts(Split how, std::int64_t total_cents, std::int64_t count,
                                        std::mt19937_64& random);

}  // namespace claimstorm::reference
