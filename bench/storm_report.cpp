#include "bench/storm_report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/docs_page.h"

namespace claimstorm::bench {
namespace {

const Row* find(const std::vector<Row>& rows, const std::string& condition,
                const std::string& who) {
    for (const Row& row : rows) {
        if (row.condition == condition && row.who == who) return &row;
    }
    return nullptr;
}

std::string goal_text(const Goal& goal) {
    const char* bound = goal.at_least ? "≥" : "≤";
    const char* verdict = !goal.value ? "not measured" : goal.met() ? "met" : "**missed**";
    const std::string value =
        goal.value ? fmt::format("{:.3g} {}", *goal.value, goal.unit) : std::string("–");
    return fmt::format("| {} | {} {:g} {} | {} | {} |\n", goal.text, bound, goal.limit, goal.unit,
                       value, verdict);
}

std::string row_text(const Measurement& measurement, const Row& row) {
    if (row.samples.empty()) {
        return fmt::format("| {} | {} | not measured | | {} |\n", row.condition, row.who, row.note);
    }
    const auto [least, most] = std::minmax_element(row.samples.begin(), row.samples.end());
    return fmt::format("| {} | {} | {:.{}f} | {:.{}f} – {:.{}f} | {} |\n", row.condition, row.who,
                       row.median(), measurement.decimals, *least, measurement.decimals, *most,
                       measurement.decimals, row.note);
}

}  // namespace

double Row::median() const {
    return quantile(samples, 0.5);
}

bool Goal::met() const {
    return value && (at_least ? *value >= limit : *value <= limit);
}

Row& Measurement::row(const std::string& condition, const std::string& who) {
    for (Row& row : rows) {
        if (row.condition == condition && row.who == who) return row;
    }
    rows.push_back({condition, who});
    return rows.back();
}

std::optional<double> Measurement::median_of(const std::string& condition,
                                             const std::string& who) const {
    const Row* row = find(rows, condition, who);
    if (row == nullptr || row->samples.empty()) return std::nullopt;
    return row->median();
}

std::optional<double> Measurement::ratio(const std::string& condition, const std::string& who,
                                         const std::string& other) const {
    const auto one = median_of(condition, who);
    const auto base = median_of(condition, other);
    if (!one || !base || *base <= 0) return std::nullopt;
    return *one / *base;
}

std::string measurement_text(const Measurement& measurement) {
    std::string text = fmt::format(
        "| condition | program | {} | lowest – highest | |\n| --- | --- | ---: | ---: | --- |\n",
        measurement.unit);
    for (const Row& row : measurement.rows) text += row_text(measurement, row);
    if (measurement.goals.empty()) return text;
    text += "\n| goal | | measured | |\n| --- | ---: | ---: | --- |\n";
    for (const Goal& goal : measurement.goals) text += goal_text(goal);
    return text;
}

void write_measurement(const std::filesystem::path& docs, const Measurement& measurement) {
    std::vector<Bar> bars;
    bars.reserve(measurement.rows.size());
    for (const Row& row : measurement.rows) {
        if (row.samples.empty()) continue;
        const std::string label =
            row.condition.empty() ? row.who : fmt::format("{}, {}", row.who, row.condition);
        const char* colour = row.who.starts_with("claimstorm") ? "#c0392b" : "#2c6fbb";
        bars.push_back({label, row.median(),
                        fmt::format("{:.{}f}", row.median(), measurement.decimals), colour});
    }
    const std::string picture = fmt::format("performance-{}.svg", measurement.letter);
    const std::string title = fmt::format("{}, {}", measurement.title, measurement.unit);
    write_docs_file(docs / picture, bars_svg(title, bars, measurement.logarithmic));
    replace_between_marks(
        docs / "performance.md", "storm " + measurement.letter,
        fmt::format("{}\n![{}]({})\n", measurement_text(measurement), title, picture));
}

}  // namespace claimstorm::bench
