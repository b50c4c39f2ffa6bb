#include "reports/text_report.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "model/units.h"
#include "reports/text_layout.h"

namespace claimstorm {
namespace {

std::string upper(std::string_view text) {
    std::string upper(text);
    for (char& letter : upper) {
        if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
    }
    return upper;
}

/// The names of the checks and gates with that verdict, those of checks first.
std::vector<std::string> names_with(const Result& result, Verdict verdict) {
    std::vector<std::string> names;
    for (const Finding& finding : result.findings) {
        if (finding.verdict == verdict) names.push_back(finding.check);
    }
    for (const Gate& gate : result.gates) {
        if (gate.verdict == verdict) names.push_back(gate.name);
    }
    return names;
}

std::string headline(const Result& result, bool color) {
    const auto names = names_with(result, result.verdict);
    std::string what;
    if (names.empty()) {
        what = "nothing was proved";
    } else if (result.verdict == Verdict::holds) {
        what = fmt::format("all {} checks and gates judged", names.size());
    } else {
        what = fmt::format("{}", fmt::join(names, ", "));
    }
    return fmt::format("{}  {}: {} (seed {})\n",
                       painted(upper(to_string(result.verdict)), paint_of(result.verdict), color),
                       painted(result.scenario, Paint::strong, color), what, result.seed);
}

/// Figures of zero say nothing that the summary does not.
std::string figures_line(const Finding& finding) {
    std::string line;
    for (const Figure& figure : finding.figures) {
        if (figure.value == 0) continue;
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", figure.name,
                            with_commas(figure.value));
    }
    return line.empty() ? "" : paragraph("  ", line);
}

std::string witness_lines(const Finding& finding, std::size_t limit) {
    const std::size_t shown = std::min(limit, finding.witnesses.size());
    std::string lines;
    for (std::size_t at = 0; at < shown; ++at) {
        lines += paragraph("  - ", finding.witnesses[at].what);
    }
    if (finding.witness_count <= shown) return lines;
    const std::uint64_t hidden = finding.witness_count - shown;
    const std::size_t kept = finding.witnesses.size();
    lines +=
        fmt::format("    {}{} not shown; result.json keeps {}\n",
                    with_commas(static_cast<std::int64_t>(hidden)), shown > 0 ? " more" : "",
                    kept < finding.witness_count
                        ? fmt::format("the first {} of {}", kept,
                                      with_commas(static_cast<std::int64_t>(finding.witness_count)))
                        : "all");
    return lines;
}

std::string full_finding(const Finding& finding, const TextStyle& style) {
    const bool possible =
        finding.verdict == Verdict::violated && finding.strength == Strength::possible;
    std::string text = fmt::format(
        "\n{} {}{}\n",
        painted(upper(to_string(finding.verdict)), paint_of(finding.verdict), style.color),
        painted(finding.check, Paint::strong, style.color), possible ? " (possible)" : "");
    text += paragraph("  ", finding.summary);
    text += figures_line(finding);
    for (const std::string& line : finding.diagnosis) text += paragraph("  > ", line);
    text += witness_lines(finding, style.witnesses_shown);
    return text;
}

std::string held_findings(const Result& result, bool color) {
    std::size_t widest = 0;
    for (const Finding& finding : result.findings) {
        if (finding.verdict == Verdict::holds) widest = std::max(widest, columns(finding.check));
    }
    std::string text;
    for (const Finding& finding : result.findings) {
        if (finding.verdict != Verdict::holds) continue;
        text += paragraph("  " + padded(finding.check, widest) + "  ", finding.summary);
    }
    if (text.empty()) return "";
    return "\n" + painted("HOLDS", Paint::good, color) + "\n" + text;
}

/// Checks that were skipped for the same reason share it.
std::string skipped_findings(const Result& result, bool color) {
    std::vector<std::pair<std::string, std::string>> by_reason;  // reason, names
    for (const Finding& finding : result.findings) {
        if (finding.verdict != Verdict::skipped) continue;
        const auto known = std::find_if(by_reason.begin(), by_reason.end(), [&](const auto& entry) {
            return entry.first == finding.summary;
        });
        if (known == by_reason.end()) {
            by_reason.emplace_back(finding.summary, finding.check);
        } else {
            known->second += ", " + finding.check;
        }
    }
    if (by_reason.empty()) return "";
    std::string text;
    for (const auto& [reason, names] : by_reason) {
        text += fmt::format("{}{} ({})", text.empty() ? "" : "; ", names, reason);
    }
    return "\n" + painted("SKIPPED", Paint::faint, color) + "\n" + paragraph("  ", text);
}

std::string gates(const Result& result, bool color) {
    if (result.gates.empty()) return "";
    std::size_t name_width = 0;
    std::size_t value_width = 0;
    for (const Gate& gate : result.gates) {
        name_width = std::max(name_width, columns(gate.name));
        value_width = std::max(value_width, columns(precise(gate.value)));
    }
    std::string text = "\n" + painted("GATES", Paint::strong, color) + "\n";
    for (const Gate& gate : result.gates) {
        constexpr std::size_t kWidestVerdict = 12;  // "inconclusive"
        const std::string value = precise(gate.value);
        text += fmt::format("  {}  {}  {}{}  limit {}\n",
                            painted(padded(std::string(to_string(gate.verdict)), kWidestVerdict),
                                    paint_of(gate.verdict), color),
                            padded(gate.name, name_width),
                            std::string(value_width - columns(value), ' '), value, gate.limit);
        if (gate.verdict != Verdict::holds && !gate.summary.empty()) {
            text += paragraph("                ", gate.summary);
        }
    }
    return text;
}

template <typename Counts, typename All>
std::string counts_line(const Counts& counts, const All& all) {
    std::string line;
    for (const auto value : all) {
        const std::int64_t count = counts.at(static_cast<std::size_t>(value));
        if (count == 0) continue;
        line +=
            fmt::format("{}{} {}", line.empty() ? "" : ", ", to_string(value), with_commas(count));
    }
    return line;
}

std::string latency_row(std::string_view name, const LatencyMs& latency) {
    return fmt::format("  {:<22}{:>9}{:>9}{:>9}{:>9}{:>9}\n", name, measured(latency.p50),
                       measured(latency.p90), measured(latency.p99), measured(latency.p999),
                       measured(latency.max));
}

std::string storm_figures(const StormFigures& storm, bool color) {
    std::string text = "\n" + painted("STORM", Paint::strong, color) + "\n";
    text += fmt::format("  fired     {} attempts for {} users in {} ms ({}/s)\n",
                        with_commas(storm.attempts), with_commas(storm.users),
                        measured(storm.duration_ms), measured(storm.attempts_per_s));
    text += fmt::format("  release   spread over {} ms; 99 % left at most {} us late\n",
                        measured(storm.release_spread_ms), measured(storm.send_lag_us_p99));
    if (storm.waited > 0) {
        text +=
            fmt::format("            {} waited for a free connection\n", with_commas(storm.waited));
    }
    if (storm.connections_opened) {
        text += fmt::format("            over {} connections\n",
                            with_commas(*storm.connections_opened));
    }
    const std::string outcomes = counts_line(storm.outcomes, kOutcomes);
    text += paragraph("  answers   ", outcomes.empty() ? "none" : outcomes);
    const std::string errors = counts_line(storm.transport_errors, kTransportErrors);
    if (!errors.empty()) text += paragraph("  failures  ", errors);
    if (storm.time_to_sold_out_ms) {
        text += fmt::format("  sold out  first told after {} ms\n",
                            measured(*storm.time_to_sold_out_ms));
    }
    text += fmt::format("  {:<22}{:>9}{:>9}{:>9}{:>9}{:>9}\n", "latency in ms", "p50", "p90", "p99",
                        "p99.9", "max");
    text += latency_row("  from due (felt)", storm.latency_ms);
    text += latency_row("  from sent (service)", storm.service_ms);
    return text;
}

std::string peak_line(const char* name, const std::optional<Peak>& peak, const char* what) {
    if (!peak) return "";
    if (peak->value == 0) return fmt::format("  {}never {}\n", name, what);
    return fmt::format("  {}up to {} {}, {} ms after the release\n", name, with_commas(peak->value),
                       what, measured(peak->at_ms));
}

std::string watch_figures(const WatchFigures& watch, bool color) {
    std::string text = "\n" + painted("WATCH", Paint::strong, color) + "\n";
    text +=
        fmt::format("  samples   {} from {} to {} ms after the release\n",
                    with_commas(watch.samples), measured(watch.first_ms), measured(watch.last_ms));
    if (watch.unread > 0) {
        text += fmt::format("            {} with a part that could not be read\n",
                            with_commas(watch.unread));
    }
    std::string sold_out;
    const auto add = [&sold_out](const std::optional<double>& ms, const char* what) {
        if (!ms) return;
        sold_out += fmt::format("{}{} {} ms", sold_out.empty() ? "" : ", ", what, measured(*ms));
    };
    add(watch.sold_out_told_ms, "the last unit told after");
    add(watch.sold_out_taken_ms, "seen in rows and backlog after");
    add(watch.sold_out_stored_ms, "in rows alone after");
    if (!sold_out.empty()) text += paragraph("  sold out  ", sold_out);
    text += peak_line("backlog   ", watch.backlog, "queued");
    text += peak_line("rows      ", watch.rows_behind, "behind the answers");
    if (watch.converged_ms) {
        text +=
            fmt::format("  at rest   {} ms after the last answer\n", measured(*watch.converged_ms));
    }
    return text;
}

}  // namespace

std::string text_report(const Result& raw, const TextStyle& style) {
    const Result result = printable(raw);
    std::string text = headline(result, style.color);
    for (const Verdict verdict : {Verdict::violated, Verdict::inconclusive}) {
        for (const Finding& finding : result.findings) {
            if (finding.verdict == verdict) text += full_finding(finding, style);
        }
    }
    text += held_findings(result, style.color);
    text += skipped_findings(result, style.color);
    text += gates(result, style.color);
    if (result.storm.attempts > 0) text += storm_figures(result.storm, style.color);
    if (result.watch) text += watch_figures(*result.watch, style.color);
    if (!result.notes.empty()) {
        text += "\n" + painted("NOTES", Paint::strong, style.color) + "\n";
        for (const std::string& note : result.notes) text += paragraph("  - ", note);
    }
    return text;
}

}  // namespace claimstorm
