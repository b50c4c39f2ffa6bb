#include <catch2/catch.hpp>

#include "bench/docs_page.h"
#include "bench/storm_report.h"
#include "model/error.h"
#include "tests/support/temporary_folder.h"

using namespace claimstorm;
using namespace claimstorm::bench;

namespace {

Measurement sample() {
    Measurement measurement{"a", "CPU", "µs", 1};
    measurement.row("64", "claimstorm").samples = {5, 3, 4};
    measurement.row("64", "wrk").samples = {8, 2, 8};
    measurement.row("64", "hey").note = "hey is not installed";
    return measurement;
}

}  // namespace

TEST_CASE("ratios are of medians, and unknown when one side was not measured") {
    const Measurement measurement = sample();
    CHECK(measurement.ratio("64", "claimstorm", "wrk").value() == Approx(0.5));
    CHECK_FALSE(measurement.ratio("64", "claimstorm", "hey"));
    CHECK_FALSE(measurement.ratio("1000", "claimstorm", "wrk"));
}

TEST_CASE("a goal that was not measured is not met") {
    CHECK_FALSE(Goal{"", std::nullopt, 1.0}.met());
    CHECK(Goal{"", 1.0, 1.0}.met());
    CHECK_FALSE(Goal{"", 1.1, 1.0}.met());
    CHECK(Goal{"", 1.1, 1.0, true}.met());
}

TEST_CASE("the table says what was measured, what was not, and what was missed") {
    Measurement measurement = sample();
    measurement.goals = {{"claimstorm / wrk", 0.5, 1.0},
                         {"claimstorm / hey", std::nullopt, 1.0},
                         {"lag", 250.0, 200, false, "µs"}};
    CHECK(measurement_text(measurement) ==
          "| condition | program | µs | lowest – highest | |\n"
          "| --- | --- | ---: | ---: | --- |\n"
          "| 64 | claimstorm | 4.0 | 3.0 – 5.0 |  |\n"
          "| 64 | wrk | 8.0 | 2.0 – 8.0 |  |\n"
          "| 64 | hey | not measured | | hey is not installed |\n"
          "\n| goal | | measured | |\n| --- | ---: | ---: | --- |\n"
          "| claimstorm / wrk | ≤ 1 × | 0.5 × | met |\n"
          "| claimstorm / hey | ≤ 1 × | – | not measured |\n"
          "| lag | ≤ 200 µs | 250 µs | **missed** |\n");
}

TEST_CASE("a page keeps what stands outside of the marks") {
    const test::TemporaryFolder folder;
    test::spill(folder.path / "performance.md",
                "before\n<!-- bench storm a: begin -->\nold\n<!-- bench storm a: end -->\nafter\n");
    write_measurement(folder.path, sample());
    const std::string page = test::slurp(folder.path / "performance.md");
    CHECK(page.starts_with("before\n<!-- bench storm a: begin -->\n\n| condition"));
    CHECK(page.ends_with("![CPU, µs](performance-a.svg)\n\n<!-- bench storm a: end -->\nafter\n"));
    CHECK(page.find("old") == std::string::npos);
    const std::string picture = test::slurp(folder.path / "performance-a.svg");
    CHECK(picture.find(">claimstorm, 64<") != std::string::npos);
    CHECK(picture.find(">hey, 64<") == std::string::npos);  // nothing to draw
}

TEST_CASE("a page without the marks is left alone") {
    const test::TemporaryFolder folder;
    test::spill(folder.path / "performance.md", "nothing here\n");
    CHECK_THROWS_AS(write_measurement(folder.path, sample()), EnvironmentError);
    CHECK(test::slurp(folder.path / "performance.md") == "nothing here\n");
}
