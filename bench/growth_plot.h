#pragma once

#include <string>
#include <utility>
#include <vector>

namespace claimstorm::bench {

/// A line of a picture: points (x, y), all above zero, x rising.
struct Growth {
    std::string label;
    std::vector<std::pair<double, double>> points;
    std::string colour = "#2c6fbb";
    bool dashed = false;  ///< what the others are held against
};

/// Lines on two logarithmic scales, as SVG: what grows like n has the slope of the diagonal.
/// Empty lines are left out.
std::string growth_svg(const std::string& title, const std::string& x_unit,
                       const std::string& y_unit, const std::vector<Growth>& lines);

}  // namespace claimstorm::bench
