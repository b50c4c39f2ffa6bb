#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/checks_judge.h"
#include "bench/storm_report.h"

namespace claimstorm::bench {

/// The rounds of one number of claims.
struct Judged {
    std::int64_t claims = 0;
    std::int64_t history_bytes = 0;
    std::vector<Judgement> judge;
    std::vector<double> judge_peak_mb;  ///< as the kernel counted it for the process
    std::vector<double> judge_cpu_s;
    std::vector<Judgement> by_hand;
};

/// The tables as Markdown: totals with their goals, and where the time of the most claims goes.
std::string judged_text(const std::vector<Judged>& all);

/// Puts the tables between the bench marks of judge-performance.md in `docs`, and the picture of
/// the growth beside it. Throws EnvironmentError.
void write_judged_docs(const std::filesystem::path& docs, const std::vector<Judged>& all);

}  // namespace claimstorm::bench
