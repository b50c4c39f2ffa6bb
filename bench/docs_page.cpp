#include "bench/docs_page.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm::bench {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
    std::ifstream in(path);
    if (!in) throw EnvironmentError("cannot read " + path.string());
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// A bar's length as a share of the longest.
double share(double value, double least, double most, bool logarithmic) {
    constexpr double kShortest = 0.05;
    if (value <= 0 || most <= 0) return 0;
    if (!logarithmic || least >= most) return value / most;
    return kShortest + (1 - kShortest) * std::log(value / least) / std::log(most / least);
}

}  // namespace

void write_docs_file(const fs::path& path, const std::string& text) {
    std::ofstream out(path);
    out << text;
    if (!out.flush()) throw EnvironmentError("cannot write " + path.string());
}

void replace_between_marks(const fs::path& page, const std::string& name, const std::string& text) {
    const std::string begin_mark = fmt::format("<!-- bench {}: begin -->\n", name);
    const std::string end_mark = fmt::format("<!-- bench {}: end -->\n", name);
    std::string whole = slurp(page);
    const auto begin = whole.find(begin_mark);
    const auto end = whole.find(end_mark);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw EnvironmentError(
            fmt::format("{} lacks the marks of `bench {}`", page.string(), name));
    }
    const auto from = begin + begin_mark.size();
    whole.replace(from, end - from, "\n" + text + "\n");
    write_docs_file(page, whole);
}

std::string bars_svg(const std::string& title, const std::vector<Bar>& bars, bool logarithmic) {
    constexpr int kRowHeight = 24;
    constexpr int kBarWidth = 420;
    constexpr std::size_t kCharacterWidth = 7;
    std::size_t label_width = 250;
    double most = 0;
    double least = 0;
    for (const Bar& bar : bars) {
        label_width = std::max(label_width, bar.label.size() * kCharacterWidth);
        most = std::max(most, bar.value);
        if (bar.value > 0) least = least > 0 ? std::min(least, bar.value) : bar.value;
    }
    const int height = static_cast<int>(bars.size()) * kRowHeight + 40;
    std::string svg = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\""
        " font-size=\"13\">\n<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n"
        "<text x=\"10\" y=\"20\" font-weight=\"bold\">{2}</text>\n",
        label_width + kBarWidth + 90, height, title);
    int y = 34;
    for (const Bar& bar : bars) {
        const double width = share(bar.value, least, most, logarithmic) * kBarWidth;
        svg += fmt::format(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n"
            "<rect x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"16\" fill=\"{}\"/>\n"
            "<text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
            label_width - 8, y + 13, bar.label, label_width, y, width, bar.colour,
            static_cast<double>(label_width) + 6 + width, y + 13, bar.text);
        y += kRowHeight;
    }
    return svg + "</svg>\n";
}

}  // namespace claimstorm::bench
