#include "storm/response_headers.h"

#include <algorithm>

namespace claimstorm {
namespace {

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equal_header_names(std::string_view a, std::string_view b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

void keep_header(std::string& kept, const HeaderNames& wanted, std::string_view name,
                 std::string_view value) {
    const bool is_wanted = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
        return equal_header_names(one, name);
    });
    if (is_wanted) kept.append(name).append(": ").append(value).append("\r\n");
}

std::optional<std::string_view> kept_header(std::string_view kept, std::string_view name) noexcept {
    while (!kept.empty()) {
        const std::size_t end = kept.find("\r\n");
        const std::string_view line = kept.substr(0, end);
        kept.remove_prefix(end == std::string_view::npos ? kept.size() : end + 2);
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos) continue;
        if (equal_header_names(line.substr(0, colon), name)) return line.substr(colon + 2);
    }
    return std::nullopt;
}

}  // namespace claimstorm
