#include "storm/request_parts.h"

#include <algorithm>
#include <array>

#include "storm/response_headers.h"

namespace claimstorm {
namespace {

/// RFC 9113, 8.2.2: they make a message of HTTP/2 malformed (TE with most of its values).
constexpr std::array<std::string_view, 6> kOfTheConnection = {
    "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Upgrade"};

std::string_view take_until(std::string_view& text, std::string_view end) {
    const std::size_t at = std::min(text.find(end), text.size());
    const std::string_view taken = text.substr(0, at);
    text.remove_prefix(std::min(at + end.size(), text.size()));
    return taken;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_of_the_connection(std::string_view name) {
    return std::any_of(kOfTheConnection.begin(), kOfTheConnection.end(),
                       [name](std::string_view one) { return equal_header_names(one, name); });
}

}  // namespace

void take_apart(std::string_view request, RequestParts& parts) {
    parts.headers.clear();
    parts.host = {};
    parts.method = take_until(request, " ");
    parts.path = take_until(request, " ");
    take_until(request, "\r\n");
    while (!request.empty()) {
        std::string_view line = take_until(request, "\r\n");
        if (line.empty()) break;
        const std::string_view name = take_until(line, ":");
        const std::string_view value = trimmed(line);
        if (equal_header_names(name, "Host")) {
            parts.host = value;
        } else if (!is_of_the_connection(name)) {
            parts.headers.push_back({name, value});
        }
    }
    parts.body = request;
}

}  // namespace claimstorm
