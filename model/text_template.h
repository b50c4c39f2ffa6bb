#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace claimstorm {

/// A text with `{name}` placeholders, taken apart once and filled in quickly. Braces that do not
/// enclose a name of [a-z_][a-z0-9_]* stand for themselves, as in a JSON body.
class TextTemplate {
  public:
    enum class Escape : std::uint8_t { none, json, path, header, form };

    /// Throws UsageError for a placeholder that is not in `known`; `where` names the text in it.
    TextTemplate(std::string_view text, const std::vector<std::string_view>& known,
                 std::string_view where, Escape escape = Escape::none);

    /// Appends the text; `values[i]` fills the placeholder `known[i]` of the constructor.
    void append_to(std::string& out, const std::vector<std::string_view>& values) const;
    std::string filled(const std::vector<std::string_view>& values) const;

    /// The text with `mark` in the place of every placeholder (an SQL statement to bind values to),
    /// and which placeholder each mark stands for, in order.
    std::pair<std::string, std::vector<std::size_t>> marked(std::string_view mark) const;

  private:
    struct Piece {
        std::string literal;
        int placeholder = -1;  // behind the literal; -1 for none
    };
    std::vector<Piece> pieces_;
    Escape escape_;
};

/// Values put into a URL path: everything but RFC 3986's unreserved characters is percent-encoded.
void append_percent_encoded(std::string& out, std::string_view value);

/// Values put into an application/x-www-form-urlencoded body, by the URL Standard's rules: a space
/// becomes '+', everything but letters, digits and "*-._" is percent-encoded.
void append_form_encoded(std::string& out, std::string_view value);

/// Values put between the quotes of a JSON string.
void append_json_escaped(std::string& out, std::string_view value);

/// Values put into an HTTP header: a control character becomes a space, since a line break would
/// end the header.
void append_header_escaped(std::string& out, std::string_view value);

}  // namespace claimstorm
