#include <string>

#include <catch2/catch.hpp>

#include "bench/growth_plot.h"

using namespace claimstorm::bench;
using Catch::Matchers::Contains;

TEST_CASE("what grows ten times as its number does goes from corner to corner") {
    const std::string svg =
        growth_svg("t", "claims", "seconds", {{"line", {{10, 1}, {100, 10}, {1000, 100}}}});
    CHECK_THAT(svg, Contains("points=\"80.0,360.0 340.0,200.0 600.0,40.0 \""));
    CHECK_THAT(svg, Contains(">1,000</text>"));
    CHECK_THAT(svg, Contains(">line</text>"));
}

TEST_CASE("a line without points is left out, and no line at all is an empty picture") {
    const std::string one =
        growth_svg("t", "x", "y", {{"seen", {{1, 0.01}, {2, 0.02}}}, {"unseen", {}}});
    CHECK_THAT(one, Contains(">seen</text>") && !Contains("unseen"));
    CHECK_THAT(one, Contains(">0.01</text>"));
    CHECK_THAT(growth_svg("t", "x", "y", {}), Contains("</svg>"));
}
