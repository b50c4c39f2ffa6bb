#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace claimstorm {

/// ANSI colours by what they mean.
enum class Paint { none, good, bad, doubtful, faint, strong };

/// `text` in colour, or as it is when `color` is false.
std::string painted(std::string_view text, Paint paint, bool color);

Paint paint_of(Verdict verdict) noexcept;

/// Text from services made safe for a terminal: control characters and bytes that are no UTF-8
/// become '?', so that a claim id cannot move the cursor or hide a line.
std::string printable(std::string_view text);

/// `result` with every text in it made printable.
Result printable(Result result);

/// Columns that a printable text takes: one a code point.
std::size_t columns(std::string_view text);

/// Breaks text at spaces into lines of at most `width` columns; longer words are cut. Never empty.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

/// `text` filled with spaces to `width` columns.
std::string padded(std::string text, std::size_t width);

/// Wraps `text` to the width of a report; the first line begins with `first`, the others are
/// indented as far. Each line ends in a newline.
std::string paragraph(std::string_view first, std::string_view text);

/// A measured time or rate with as many decimals as matter: "0.08", "35.1", "1,240".
std::string measured(double number);

/// A number to be held against a limit, precise enough to see on which side it is: "200.041",
/// "0.0008".
std::string precise(double number);

}  // namespace claimstorm
