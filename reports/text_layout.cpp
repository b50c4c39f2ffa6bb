#include "reports/text_layout.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::size_t kReportWidth = 92;

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// Bytes of the code point that `text` begins with; 0 when it is no UTF-8 or a control character.
/// Overlong forms and surrogates pass: they are harmless to a terminal.
std::size_t printable_length(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
    std::size_t length = 0;
    if ((lead & 0xE0U) == 0xC0U) length = 2;
    if ((lead & 0xF0U) == 0xE0U) length = 3;
    if ((lead & 0xF8U) == 0xF0U) length = 4;
    if (length == 0 || text.size() < length) return 0;
    const std::string_view rest = text.substr(1, length - 1);
    if (!std::all_of(rest.begin(), rest.end(), is_continuation)) return 0;
    const bool is_c1_control = lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    return is_c1_control ? 0 : length;
}

/// Bytes of the first `width` columns.
std::size_t bytes_of_columns(std::string_view text, std::size_t width) {
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        if (is_continuation(text[at])) continue;
        if (width == 0) break;
        --width;
    }
    return at;
}

}  // namespace

std::string painted(std::string_view text, Paint paint, bool color) {
    constexpr std::array<std::string_view, 6> kCodes = {"", "32", "31;1", "33", "2", "1"};
    if (!color || paint == Paint::none) return std::string(text);
    return fmt::format("\033[{}m{}\033[0m", kCodes.at(static_cast<std::size_t>(paint)), text);
}

Paint paint_of(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::holds:
            return Paint::good;
        case Verdict::violated:
            return Paint::bad;
        case Verdict::inconclusive:
            return Paint::doubtful;
        case Verdict::skipped:
            return Paint::faint;
    }
    return Paint::none;
}

std::string printable(std::string_view text) {
    std::string safe;
    while (!text.empty()) {
        const std::size_t length = printable_length(text);
        safe += length > 0 ? text.substr(0, length) : "?";
        text.remove_prefix(std::max<std::size_t>(1, length));
    }
    return safe;
}

Result printable(Result result) {
    const auto clean = [](std::string& text) { text = printable(std::string_view(text)); };
    clean(result.scenario);
    for (Finding& finding : result.findings) {
        clean(finding.check);
        clean(finding.summary);
        for (Figure& figure : finding.figures) clean(figure.name);
        for (Witness& witness : finding.witnesses) clean(witness.what);
        for (std::string& line : finding.diagnosis) clean(line);
    }
    for (Gate& gate : result.gates) {
        clean(gate.name);
        clean(gate.limit);
        clean(gate.summary);
    }
    for (std::string& note : result.notes) clean(note);
    return result;
}

std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char byte) { return !is_continuation(byte); }));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
    std::vector<std::string> lines(1);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(text.size(), end + 1));
        if (word.empty()) continue;
        const std::size_t gap = lines.back().empty() ? 0 : 1;
        if (gap == 1 && columns(lines.back()) + gap + columns(word) > width) {
            lines.emplace_back();
        } else if (gap == 1) {
            lines.back() += ' ';
        }
        while (columns(word) > width) {
            const std::size_t cut = bytes_of_columns(word, width);
            lines.back() += word.substr(0, cut);
            word.remove_prefix(cut);
            lines.emplace_back();
        }
        lines.back() += word;
    }
    return lines;
}

std::string padded(std::string text, std::size_t width) {
    const std::size_t taken = columns(text);
    if (taken < width) text.append(width - taken, ' ');
    return text;
}

std::string paragraph(std::string_view first, std::string_view text) {
    const std::size_t indent = columns(first);
    std::string out;
    for (const std::string& line :
         wrapped(text, kReportWidth - std::min(indent, kReportWidth / 2))) {
        out += out.empty() ? std::string(first) : std::string(indent, ' ');
        out += line + "\n";
    }
    return out;
}

std::string precise(double number) {
    if (!std::isfinite(number)) return "not known";
    if (std::abs(number) < 1) return fmt::format("{:.3g}", number);
    std::string text = fmt::format("{:.3f}", number);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}

std::string measured(double number) {
    if (!std::isfinite(number)) return "not known";
    const double size = std::abs(number);
    if (size >= 100) return with_commas(std::llround(std::clamp(number, -9e18, 9e18)));
    return fmt::format("{:.{}f}", number, size >= 10 ? 1 : 2);
}

}  // namespace claimstorm
