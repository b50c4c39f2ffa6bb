#include "reports/side_by_side.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/units.h"
#include "reports/text_layout.h"

namespace claimstorm {
namespace {

constexpr std::size_t kLabelWidth = 18;
constexpr std::size_t kCellWidth = 35;
constexpr std::string_view kGap = "  ";

/// One side of a row: a first line, perhaps in colour, and a text below it.
struct Cell {
    std::string first;
    Paint paint = Paint::none;
    std::string below;
};

/// A cell's lines at full width, painted last so that colours do not count as columns.
std::vector<std::string> lines_of(const Cell& cell, bool color) {
    std::vector<std::string> lines;
    for (const std::string& line : wrapped(cell.first, kCellWidth)) {
        lines.push_back(painted(line, cell.paint, color) +
                        std::string(kCellWidth - columns(line), ' '));
    }
    if (cell.below.empty()) return lines;
    for (const std::string& line : wrapped(cell.below, kCellWidth)) {
        lines.push_back(padded(line, kCellWidth));
    }
    return lines;
}

std::string row(std::string_view label, const Cell& left, const Cell& right, bool color) {
    const std::array<std::vector<std::string>, 2> cells = {lines_of(left, color),
                                                           lines_of(right, color)};
    const std::vector<std::string> labels = wrapped(label, kLabelWidth);
    const std::size_t height = std::max({labels.size(), cells[0].size(), cells[1].size()});
    const std::string blank(kCellWidth, ' ');
    std::string text;
    for (std::size_t at = 0; at < height; ++at) {
        std::string line = padded(at < labels.size() ? labels[at] : "", kLabelWidth);
        for (const auto& cell : cells) {
            line += kGap;
            line += at < cell.size() ? cell[at] : blank;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

Cell verdict_cell(const Result& result) {
    return {std::string(to_string(result.verdict)), paint_of(result.verdict), ""};
}

const Finding* find(const Result& result, const std::string& check) {
    const auto found = std::find_if(result.findings.begin(), result.findings.end(),
                                    [&](const Finding& finding) { return finding.check == check; });
    return found == result.findings.end() ? nullptr : &*found;
}

Cell finding_cell(const Finding* finding) {
    if (finding == nullptr) return {"-", Paint::faint, ""};
    Cell cell{std::string(to_string(finding->verdict)), paint_of(finding->verdict), ""};
    if (finding->verdict == Verdict::violated || finding->verdict == Verdict::inconclusive) {
        cell.below = finding->summary;
    }
    return cell;
}

/// The checks of both, in the order of the left one, then what only the right one has.
std::vector<std::string> checks_of(const Result& left, const Result& right) {
    std::vector<std::string> checks;
    for (const Result* result : {&left, &right}) {
        for (const Finding& finding : result->findings) {
            const bool known =
                std::find(checks.begin(), checks.end(), finding.check) != checks.end();
            if (!known) checks.push_back(finding.check);
        }
    }
    return checks;
}

bool is_judged(const Finding* finding) {
    return finding != nullptr && finding->verdict != Verdict::skipped;
}

std::string storm_rows(const StormFigures& left, const StormFigures& right, bool color) {
    const auto plain = [&](std::string_view label, const std::string& l, const std::string& r) {
        return row(label, {l, Paint::none, ""}, {r, Paint::none, ""}, color);
    };
    const auto sold_out = [](const StormFigures& storm) {
        return storm.time_to_sold_out_ms ? measured(*storm.time_to_sold_out_ms) : "never";
    };
    std::string text = plain("attempts", with_commas(left.attempts), with_commas(right.attempts));
    text += plain("granted", with_commas(left.count(Outcome::granted)),
                  with_commas(right.count(Outcome::granted)));
    text += plain("sold out after ms", sold_out(left), sold_out(right));
    text += plain("latency p50 ms", measured(left.latency_ms.p50), measured(right.latency_ms.p50));
    text += plain("latency p99 ms", measured(left.latency_ms.p99), measured(right.latency_ms.p99));
    text += plain("attempts/s", measured(left.attempts_per_s), measured(right.attempts_per_s));
    return text;
}

}  // namespace

std::string side_by_side(const Result& raw_left, const Result& raw_right, const TextStyle& style) {
    const Result left = printable(raw_left);
    const Result right = printable(raw_right);
    const std::string rule(kLabelWidth + 2 * (kGap.size() + kCellWidth), '-');
    std::string text = row("", {left.scenario, Paint::strong, ""},
                           {right.scenario, Paint::strong, ""}, style.color);
    text += row("verdict", verdict_cell(left), verdict_cell(right), style.color);
    text += rule + "\n";
    for (const std::string& check : checks_of(left, right)) {
        const Finding* on_left = find(left, check);
        const Finding* on_right = find(right, check);
        if (!is_judged(on_left) && !is_judged(on_right)) continue;
        text += row(check, finding_cell(on_left), finding_cell(on_right), style.color);
    }
    text += rule + "\n";
    text += storm_rows(left.storm, right.storm, style.color);
    return text;
}

}  // namespace claimstorm
