#include "storm/request_template.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include <fmt/format.h>

#include "storm/random.h"
#include "storm/response_headers.h"

namespace claimstorm {
namespace {

/// Beyond every other stream of the seed: each key has one of its own.
constexpr std::uint64_t kKeyStreams = std::uint64_t{1} << 63;

/// "Text/XML; charset=utf-8" is "text/xml".
std::string media_type(std::string_view content_type) {
    std::string type(content_type.substr(0, content_type.find(';')));
    type.erase(type.find_last_not_of(" \t") + 1);
    std::transform(type.begin(), type.end(), type.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return type;
}

std::string_view to_text(std::array<char, 24>& buffer, std::uint64_t number) {
    const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
    return {buffer.data(), static_cast<std::size_t>(end - buffer.data())};
}

std::string_view to_hex(std::array<char, 16>& digits, std::uint64_t number) {
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, number >>= 4) {
        *digit = "0123456789abcdef"[number & 15];
    }
    return {digits.data(), digits.size()};
}

}  // namespace

ClaimValues values_of(const PlannedAttempt& attempt, std::uint64_t seed) {
    const std::uint64_t whose =
        (std::uint64_t{attempt.user} << 32) | (std::uint64_t{attempt.campaign} << 16) | attempt.key;
    return {attempt.number, Random(seed, kKeyStreams | whose).next(), {}, {}};
}

std::vector<std::string_view> claim_placeholders(const std::vector<std::string_view>& columns) {
    std::vector<std::string_view> names = {"user", "n", "campaign", "attempt", "idempotency_key"};
    names.insert(names.end(), columns.begin(), columns.end());
    return names;
}

std::vector<std::string_view> poll_placeholders(const std::vector<std::string_view>& columns) {
    std::vector<std::string_view> names = claim_placeholders(columns);
    names.emplace_back("claim_id");
    names.emplace_back("poll_id");
    return names;
}

IdsNeeded ids_needed(const RequestSpec& spec) {
    const auto mentions = [&spec](std::string_view placeholder) {
        const auto stands_in = [placeholder](const std::string& text) {
            return text.find(placeholder) != std::string::npos;
        };
        return stands_in(spec.path) || stands_in(spec.body) ||
               std::any_of(spec.headers.begin(), spec.headers.end(),
                           [&](const auto& header) { return stands_in(header.second); });
    };
    return {mentions("{claim_id}"), mentions("{poll_id}")};
}

std::string_view default_content_type(const RequestSpec& spec) noexcept {
    return spec.json_body ? "application/json" : "application/x-www-form-urlencoded";
}

TextTemplate::Escape body_escape(const RequestSpec& spec) {
    if (spec.json_body) return TextTemplate::Escape::json;
    std::string type(default_content_type(spec));
    for (const auto& [name, value] : spec.headers) {
        if (equal_header_names(name, "Content-Type")) type = media_type(value);
    }
    if (type == "application/x-www-form-urlencoded") return TextTemplate::Escape::form;
    const bool is_json = type == "application/json" || type.ends_with("+json");
    return is_json ? TextTemplate::Escape::json : TextTemplate::Escape::none;
}

RequestTemplate::RequestTemplate(const RequestSpec& spec, std::string_view host,
                                 std::string_view path_prefix, std::string_view campaign,
                                 std::string_view where,
                                 const std::vector<std::string_view>& placeholders)
    : campaign_(campaign),
      method_(spec.method),
      path_(std::string(path_prefix) + spec.path, placeholders, fmt::format("{}.path", where),
            TextTemplate::Escape::path),
      body_(spec.body, placeholders, fmt::format("{}.body", where), body_escape(spec)),
      has_body_(!spec.body.empty() || (spec.method != "GET" && spec.method != "HEAD")) {
    bool has_host = false;
    bool has_agent = false;
    bool has_type = spec.body.empty();
    for (const auto& [name, value] : spec.headers) {
        has_host |= equal_header_names(name, "Host");
        has_agent |= equal_header_names(name, "User-Agent");
        has_type |= equal_header_names(name, "Content-Type");
        headers_.emplace_back(
            name, TextTemplate(value, placeholders, fmt::format("{}.headers.{}", where, name),
                               TextTemplate::Escape::header));
    }
    if (!has_host) fixed_headers_ += fmt::format("Host: {}\r\n", host);
    if (!has_agent) fixed_headers_ += "User-Agent: claimstorm/" CLAIMSTORM_VERSION "\r\n";
    if (!has_type) {
        fixed_headers_ += fmt::format("Content-Type: {}\r\n", default_content_type(spec));
    }
}

void RequestTemplate::render(std::string& out, const UserValues& user,
                             const ClaimValues& values) const {
    std::array<char, 24> n_digits{};
    std::array<char, 24> attempt_digits{};
    std::array<char, 16> key_digits{};
    // Rendered once a request on the sending thread: the scratch keeps its memory.
    thread_local std::vector<std::string_view> texts;
    thread_local std::string body;
    texts.assign({user.name, to_text(n_digits, user.n), campaign_,
                  to_text(attempt_digits, values.attempt),
                  to_hex(key_digits, values.idempotency_key)});
    texts.insert(texts.end(), user.columns.begin(), user.columns.end());
    texts.push_back(values.claim_id);
    texts.push_back(values.poll_id);
    out.clear();
    out.append(method_).push_back(' ');
    path_.append_to(out, texts);
    out.append(" HTTP/1.1\r\n").append(fixed_headers_);
    for (const auto& [name, value] : headers_) {
        out.append(name).append(": ");
        value.append_to(out, texts);
        out.append("\r\n");
    }
    if (!has_body_) {
        out.append("\r\n");
        return;
    }
    body.clear();
    body_.append_to(body, texts);
    std::array<char, 24> length_digits{};
    out.append("Content-Length: ").append(to_text(length_digits, body.size())).append("\r\n\r\n");
    out.append(body);
}

}  // namespace claimstorm
