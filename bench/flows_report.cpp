#include "bench/flows_report.h"

#include <algorithm>

#include <fmt/format.h>

#include "bench/docs_page.h"

namespace {

/// The article's cure in its sound form: what the others are measured against.
constexpr const char* kBase = "coupon/global-lock/recheck";

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

/// Horizontal bars, the slowest as long as it is next to the fastest.
std::string picture(const std::vector<FlowRow>& rows) {
    std::vector<claimstorm::bench::Bar> bars;
    bars.reserve(rows.size());
    for (const FlowRow& row : rows) {
        const double rate = answers_per_s(row);
        const char* colour = row.label.starts_with("envelope") ? "#c0392b" : "#2c6fbb";
        bars.push_back({row.label, rate, fmt::format("{:.0f}", rate), colour});
    }
    return claimstorm::bench::bars_svg("Answers per second, stock 1,000, 20,000 users", bars);
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
    claimstorm::bench::replace_between_marks(
        docs / "flows.md", "flows", flows_table(rows) + "\n![answers per second](flows.svg)\n");
    claimstorm::bench::write_docs_file(docs / "flows.svg", picture(rows));
}
