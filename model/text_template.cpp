#include "model/text_template.h"

#include <algorithm>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || c == '_';
}
bool is_name_part(char c) {
    return is_name_start(c) || (c >= '0' && c <= '9');
}

/// The length of the placeholder name that starts behind the brace at `at`; 0 if there is none.
std::size_t name_length(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    if (end >= text.size() || !is_name_start(text[end])) return 0;
    while (end < text.size() && is_name_part(text[end])) ++end;
    return end < text.size() && text[end] == '}' ? end - at - 1 : 0;
}

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void append_percent(std::string& out, char c) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHex[byte >> 4U]);
    out.push_back(kHex[byte & 15U]);
}

}  // namespace

TextTemplate::TextTemplate(std::string_view text, const std::vector<std::string_view>& known,
                           std::string_view where, Escape escape)
    : escape_(escape) {
    std::string literal;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t length = text[at] == '{' ? name_length(text, at) : 0;
        if (length == 0) {
            literal.push_back(text[at]);
            continue;
        }
        const std::string_view name = text.substr(at + 1, length);
        const auto found = std::find(known.begin(), known.end(), name);
        if (found == known.end()) {
            const auto guess = did_you_mean(name, known);
            throw UsageError(
                fmt::format("{}: unknown placeholder {{{}}}; {}", where, name,
                            guess ? fmt::format("did you mean {{{}}}?", *guess)
                                  : fmt::format("known are {{{}}}", fmt::join(known, "}, {"))));
        }
        pieces_.push_back({std::move(literal), static_cast<int>(found - known.begin())});
        literal.clear();
        at += length + 1;
    }
    if (!literal.empty()) pieces_.push_back({std::move(literal), -1});
}

void TextTemplate::append_to(std::string& out, const std::vector<std::string_view>& values) const {
    for (const Piece& piece : pieces_) {
        out.append(piece.literal);
        if (piece.placeholder < 0) continue;
        const std::string_view value = values[static_cast<std::size_t>(piece.placeholder)];
        switch (escape_) {
            case Escape::none:
                out.append(value);
                break;
            case Escape::json:
                append_json_escaped(out, value);
                break;
            case Escape::path:
                append_percent_encoded(out, value);
                break;
            case Escape::header:
                append_header_escaped(out, value);
                break;
            case Escape::form:
                append_form_encoded(out, value);
                break;
        }
    }
}

std::string TextTemplate::filled(const std::vector<std::string_view>& values) const {
    std::string out;
    append_to(out, values);
    return out;
}

std::pair<std::string, std::vector<std::size_t>> TextTemplate::marked(std::string_view mark) const {
    std::string text;
    std::vector<std::size_t> order;
    for (const Piece& piece : pieces_) {
        text.append(piece.literal);
        if (piece.placeholder < 0) continue;
        text.append(mark);
        order.push_back(static_cast<std::size_t>(piece.placeholder));
    }
    return {std::move(text), std::move(order)};
}

void append_percent_encoded(std::string& out, std::string_view value) {
    for (const char c : value) {
        const bool is_unreserved =
            is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~';
        if (is_unreserved) {
            out.push_back(c);
        } else {
            append_percent(out, c);
        }
    }
}

void append_form_encoded(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (is_alphanumeric(c) || c == '*' || c == '-' || c == '.' || c == '_') {
            out.push_back(c);
        } else if (c == ' ') {
            out.push_back('+');
        } else {
            append_percent(out, c);
        }
    }
}

void append_json_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (static_cast<unsigned char>(c) < 0x20) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out.push_back(c);
        }
    }
}

void append_header_escaped(std::string& out, std::string_view value) {
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7F ? ' ' : c);
    }
}

}  // namespace claimstorm
