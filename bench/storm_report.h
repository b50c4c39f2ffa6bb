#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace claimstorm::bench {

/// One program under one condition.
struct Row {
    std::string condition;  ///< "64 connections"; empty when there is but one
    std::string who;
    std::vector<double> samples = {};  ///< one a round
    std::string note = {};             ///< why there are none, or what else is worth knowing

    double median() const;
};

/// What was hoped for, as a ratio or a figure with a limit.
struct Goal {
    std::string text;             ///< "claimstorm against wrk, 64 connections"
    std::optional<double> value;  ///< nullopt: not measured
    double limit = 0;
    bool at_least = false;  ///< the limit is the least rather than the most
    std::string unit = "×";

    bool met() const;
};

/// A table of its own, with its goals.
struct Measurement {
    std::string letter;  ///< "a": what --only and the marks of the page call it
    std::string title;
    std::string unit;  ///< of all samples
    int decimals = 1;
    std::vector<Row> rows = {};
    std::vector<Goal> goals = {};
    bool logarithmic = false;  ///< the picture's scale

    /// The row of that condition and program; one is made when there is none.
    Row& row(const std::string& condition, const std::string& who);
    /// Median of the one over median of the other; nullopt unless both were measured.
    std::optional<double> ratio(const std::string& condition, const std::string& who,
                                const std::string& other) const;
    std::optional<double> median_of(const std::string& condition, const std::string& who) const;
};

/// Table and goals as Markdown.
std::string measurement_text(const Measurement& measurement);

/// Puts the table between the marks `bench storm X` of performance.md in `docs`, X being the
/// measurement's letter, and its picture beside it as performance-X.svg. Throws EnvironmentError.
void write_measurement(const std::filesystem::path& docs, const Measurement& measurement);

}  // namespace claimstorm::bench
