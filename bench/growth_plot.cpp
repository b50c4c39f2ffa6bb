#include "bench/growth_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace claimstorm::bench {
namespace {

constexpr double kLeft = 80;
constexpr double kTop = 40;
constexpr double kWidth = 520;
constexpr double kHeight = 320;

/// Whole decades around a range.
struct Decades {
    int first = 0;
    int last = 1;

    double share(double value) const {
        return (std::log10(value) - first) / static_cast<double>(last - first);
    }
};

Decades decades_of(const std::vector<Growth>& lines, double std::pair<double, double>::*part) {
    double least = std::numeric_limits<double>::max();
    double most = 0;
    for (const Growth& line : lines) {
        for (const auto& point : line.points) {
            least = std::min(least, point.*part);
            most = std::max(most, point.*part);
        }
    }
    if (most <= 0) return {};
    Decades decades{static_cast<int>(std::floor(std::log10(least) + 1e-9)),
                    static_cast<int>(std::ceil(std::log10(most) - 1e-9))};
    decades.last = std::max(decades.last, decades.first + 1);
    return decades;
}

std::string tick(int decade) {
    if (decade < 0) return fmt::format("{:.{}f}", std::pow(10, decade), -decade);
    std::string digits = "1" + std::string(static_cast<std::size_t>(decade), '0');
    for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
    return digits;
}

std::string line_svg(const Growth& line, const Decades& x, const Decades& y, double label_y) {
    std::string points;
    std::string dots;
    for (const auto& [px, py] : line.points) {
        const double at_x = kLeft + x.share(px) * kWidth;
        const double at_y = kTop + (1 - y.share(py)) * kHeight;
        points += fmt::format("{:.1f},{:.1f} ", at_x, at_y);
        if (!line.dashed) {
            dots += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", at_x,
                                at_y, line.colour);
        }
    }
    const double label_x = kLeft + kWidth + 16;
    const char* dash = line.dashed ? " stroke-dasharray=\"6 4\"" : "";
    return fmt::format(
               "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n",
               points, line.colour, dash) +
           dots +
           fmt::format(
               "<line x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\" stroke=\"{3}\" "
               "stroke-width=\"2\"{4}/>\n<text x=\"{5}\" y=\"{6}\">{7}</text>\n",
               label_x, label_y, label_x + 24, line.colour, dash, label_x + 30, label_y + 4,
               line.label);
}

}  // namespace

std::string growth_svg(const std::string& title, const std::string& x_unit,
                       const std::string& y_unit, const std::vector<Growth>& lines) {
    const Decades x = decades_of(lines, &std::pair<double, double>::first);
    const Decades y = decades_of(lines, &std::pair<double, double>::second);
    std::string svg = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\""
        " font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        "<text x=\"10\" y=\"20\" font-weight=\"bold\">{}</text>\n",
        kLeft + kWidth + 260, kTop + kHeight + 50, title);
    const char* grid =
        "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#dddddd\"/>\n"
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{}\">{}</text>\n";
    for (int decade = x.first; decade <= x.last; ++decade) {
        const double at = kLeft + x.share(std::pow(10, decade)) * kWidth;
        svg += fmt::format(fmt::runtime(grid), at, kTop, at, kTop + kHeight, at,
                           kTop + kHeight + 18, "middle", tick(decade));
    }
    for (int decade = y.first; decade <= y.last; ++decade) {
        const double at = kTop + (1 - y.share(std::pow(10, decade))) * kHeight;
        svg += fmt::format(fmt::runtime(grid), kLeft, at, kLeft + kWidth, at, kLeft - 8, at + 4,
                           "end", tick(decade));
    }
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                       kLeft + kWidth / 2, kTop + kHeight + 40, x_unit);
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{}</text>\n", kLeft, kTop - 8, y_unit);
    double label_y = kTop + 10;
    for (const Growth& line : lines) {
        if (line.points.empty()) continue;
        svg += line_svg(line, x, y, label_y);
        label_y += 22;
    }
    return svg + "</svg>\n";
}

}  // namespace claimstorm::bench
