#include "bench/checks_report.h"

#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "bench/arrivals.h"
#include "bench/docs_page.h"
#include "bench/growth_plot.h"
#include "model/units.h"

namespace claimstorm::bench {
namespace {

constexpr const char* kPicture = "judge-performance.svg";

/// What is hoped for at a number of claims.
struct Limit {
    std::int64_t claims;
    double seconds;
    double peak_mb;
};
constexpr Limit kLimits[] = {{1'000'000, 3, 200}, {10'000'000, 40, 1200}};

std::vector<double> seconds_of(const std::vector<Judgement>& judgements) {
    std::vector<double> seconds;
    seconds.reserve(judgements.size());
    for (const Judgement& judgement : judgements) seconds.push_back(judgement.seconds());
    return seconds;
}

double median(const std::vector<double>& values) {
    return quantile(values, 0.5);
}

std::string goals_text(const std::vector<Judged>& all) {
    std::string text;
    for (const Judged& judged : all) {
        for (const Limit& limit : kLimits) {
            if (limit.claims != judged.claims) continue;
            const double seconds = median(seconds_of(judged.judge));
            const double peak = median(judged.judge_peak_mb);
            text +=
                fmt::format("| {} claims | ≤ {} s | {:.2f} s | {} | ≤ {} MB | {:.0f} MB | {} |\n",
                            with_commas(judged.claims), limit.seconds, seconds,
                            seconds <= limit.seconds ? "met" : "**missed**", limit.peak_mb, peak,
                            peak <= limit.peak_mb ? "met" : "**missed**");
        }
    }
    if (text.empty()) return text;
    return "\n| goal | time | measured | | memory | measured | |\n"
           "| --- | ---: | ---: | --- | ---: | ---: | --- |\n" +
           text;
}

double median_of_phase(const std::vector<Judgement>& rounds, std::size_t phase) {
    std::vector<double> seconds;
    seconds.reserve(rounds.size());
    for (const Judgement& round : rounds) seconds.push_back(round.phases.at(phase).seconds);
    return median(seconds);
}

std::string phases_text(const std::string& who, const std::vector<Judgement>& rounds) {
    std::string text;
    for (std::size_t i = 0; i < rounds.front().phases.size(); ++i) {
        const Phase& phase = rounds.front().phases[i];
        text +=
            fmt::format("| {} | {} | {:.2f} | {} |\n", who, phase.name, median_of_phase(rounds, i),
                        phase.peak_mb > 0 ? fmt::format("{:.0f}", phase.peak_mb) : "");
    }
    return text;
}

/// `who` as a line of the picture.
Growth line_of(const std::string& label, const std::string& colour, const std::vector<Judged>& all,
               const std::vector<Judgement> Judged::*who) {
    Growth line{label, {}, colour};
    for (const Judged& judged : all) {
        if ((judged.*who).empty()) continue;
        line.points.emplace_back(static_cast<double>(judged.claims),
                                 median(seconds_of(judged.*who)));
    }
    return line;
}

/// n log n through a line's first point.
Growth n_log_n(const Growth& line) {
    Growth curve{"n log n", {}, "#888888", true};
    if (line.points.empty()) return curve;
    const auto [n0, y0] = line.points.front();
    for (const auto& [n, y] : line.points) {
        curve.points.emplace_back(n, y0 * n * std::log(n) / (n0 * std::log(n0)));
    }
    return curve;
}

}  // namespace

std::string judged_text(const std::vector<Judged>& all) {
    std::string text =
        "| claims | attempts | claimstorm, s | CPU, s | peak memory, MB | bytes a claim | by hand, "
        "s | by hand / claimstorm |\n"
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (const Judged& judged : all) {
        const double seconds = median(seconds_of(judged.judge));
        const double hand = median(seconds_of(judged.by_hand));
        const double peak = median(judged.judge_peak_mb);
        text += fmt::format("| {} | {} | {:.2f} | {:.2f} | {:.0f} | {:.0f} | {:.2f} | {:.1f} × |\n",
                            with_commas(judged.claims), with_commas(Sale(judged.claims).attempts()),
                            seconds, median(judged.judge_cpu_s), peak,
                            peak * 1e6 / static_cast<double>(judged.claims), hand, hand / seconds);
    }
    text += goals_text(all);
    if (all.empty() || all.back().judge.empty()) return text;
    const Judged& most = all.back();
    text += fmt::format("\nWhere the time goes at {} claims:\n\n", with_commas(most.claims));
    text += "| who | step | s | peak so far, MB |\n| --- | --- | ---: | ---: |\n";
    text += phases_text("claimstorm", most.judge);
    if (!most.by_hand.empty()) text += phases_text("by hand", most.by_hand);
    return text;
}

void write_judged_docs(const std::filesystem::path& docs, const std::vector<Judged>& all) {
    const Growth judge = line_of("claimstorm, all checks", "#c0392b", all, &Judged::judge);
    const Growth hand = line_of("SQL by hand, six questions", "#2c6fbb", all, &Judged::by_hand);
    write_docs_file(docs / kPicture,
                    growth_svg("From the history and the stores to the verdict", "claims",
                               "seconds", {judge, hand, n_log_n(judge)}));
    replace_between_marks(
        docs / "judge-performance.md", "checks",
        judged_text(all) +
            fmt::format("\n![seconds over claims, both logarithmic]({})\n", kPicture));
}

}  // namespace claimstorm::bench
