#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace claimstorm::bench {

/// Replaces what stands between `<!-- bench NAME: begin -->` and `<!-- bench NAME: end -->`, each
/// on a line of its own, by `text`. Throws EnvironmentError when the page or a mark is missing.
void replace_between_marks(const std::filesystem::path& page, const std::string& name,
                           const std::string& text);

/// Writes a file of the docs. Throws EnvironmentError.
void write_docs_file(const std::filesystem::path& path, const std::string& text);

/// A bar of a picture.
struct Bar {
    std::string label;
    double value = 0;
    std::string text;  ///< shown at its end
    std::string colour = "#2c6fbb";
};

/// Horizontal bars under a title, as SVG; the longest fills the width. On a logarithmic scale the
/// shortest is one twentieth of it.
std::string bars_svg(const std::string& title, const std::vector<Bar>& bars,
                     bool logarithmic = false);

}  // namespace claimstorm::bench
