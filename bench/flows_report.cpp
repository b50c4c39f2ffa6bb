#include "bench/flows_report.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

namespace {

namespace fs = std::filesystem;

/// The article's cure in its sound form: what the others are measured against.
constexpr const char* kBase = "coupon/global-lock/recheck";
constexpr const char* kBegin = "<!-- bench flows: begin -->\n";
constexpr const char* kEnd = "<!-- bench flows: end -->\n";

template <typename Value>
double median(const FlowRow& row, Value&& value) {
    std::vector<double> values;
    values.reserve(row.samples.size());
    for (const FlowSample& sample : row.samples) values.push_back(value(sample));
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

double answers_per_s(const FlowRow& row) {
    return median(row, [](const FlowSample& s) { return s.answers_per_s; });
}

std::string slurp(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

void spill(const fs::path& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

/// Horizontal bars, the slowest as long as it is next to the fastest.
std::string picture(const std::vector<FlowRow>& rows) {
    constexpr int kRowHeight = 24;
    constexpr int kLabelWidth = 250;
    constexpr int kBarWidth = 420;
    double most = 1;
    for (const FlowRow& row : rows) most = std::max(most, answers_per_s(row));
    const int height = static_cast<int>(rows.size()) * kRowHeight + 40;
    std::string svg = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {}\" "
        "font-family=\"sans-serif\""
        " font-size=\"13\">\n<rect width=\"760\" height=\"{}\" fill=\"white\"/>\n"
        "<text x=\"10\" y=\"20\" font-weight=\"bold\">Answers per second, stock 1,000, 20,000 users"
        "</text>\n",
        height, height);
    int y = 34;
    for (const FlowRow& row : rows) {
        const double rate = answers_per_s(row);
        const char* colour = row.label.starts_with("envelope") ? "#c0392b" : "#2c6fbb";
        svg += fmt::format(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n"
            "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"16\" fill=\"{}\"/>\n"
            "<text x=\"{:.1f}\" y=\"{}\">{:.0f}</text>\n",
            kLabelWidth - 8, y + 13, row.label, kLabelWidth, y, rate / most * kBarWidth, colour,
            kLabelWidth + 6 + rate / most * kBarWidth, y + 13, rate);
        y += kRowHeight;
    }
    return svg + "</svg>\n";
}

}  // namespace

std::string flows_table(const std::vector<FlowRow>& rows) {
    double base = 1;
    for (const FlowRow& row : rows) {
        if (row.label == kBase) base = std::max(base, answers_per_s(row));
    }
    std::string table =
        "| flow | answers/s | ratio | first \"sold out\" after | latency p99 | waiting for a Redis "
        "lock | for row locks | granted |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (const FlowRow& row : rows) {
        table += fmt::format(
            "| {} | {:.0f} | {:.2f} | {:.0f} ms | {:.0f} ms | {:.0f} % | {:.0f} % | {:.0f} |\n",
            row.label, answers_per_s(row), answers_per_s(row) / base,
            median(row, [](const FlowSample& s) { return s.sold_out_ms; }),
            median(row, [](const FlowSample& s) { return s.latency_ms_p99; }),
            100 * median(row, [](const FlowSample& s) { return s.redis_lock_share; }),
            100 * median(row, [](const FlowSample& s) { return s.row_lock_share; }),
            median(row, [](const FlowSample& s) { return static_cast<double>(s.granted); }));
    }
    return table;
}

void write_flows_docs(const std::filesystem::path& docs, const std::vector<FlowRow>& rows) {
    const fs::path page = docs / "flows.md";
    std::string text = slurp(page);
    const auto begin = text.find(kBegin);
    const auto end = text.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw std::runtime_error(page.string() + " lacks the marks of `bench flows`");
    }
    const auto from = begin + std::string(kBegin).size();
    text.replace(from, end - from,
                 "\n" + flows_table(rows) + "\n![answers per second](flows.svg)\n\n");
    spill(page, text);
    spill(docs / "flows.svg", picture(rows));
}
