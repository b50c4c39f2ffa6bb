#include "scenarios/http_call.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <curl/curl.h>
#include <fmt/format.h>

#include "model/error.h"
#include "storm/curl_handle.h"
#include "storm/response_headers.h"

namespace claimstorm {
namespace {

constexpr long kTimeoutMs = 15'000;

struct Received {
    std::string text;
    std::size_t most = 0;
    bool is_cut = false;
};

/// What answers say before their bodies takes no more than this.
constexpr std::size_t kHeaderBytesMax = std::size_t{64} * 1024;

std::size_t keep_beginning(char* data, std::size_t size, std::size_t count, void* user) {
    auto& received = *static_cast<Received*>(user);
    const std::size_t room = received.most - received.text.size();
    received.is_cut |= size * count > room;
    received.text.append(data, std::min(size * count, room));
    return size * count;
}

std::size_t keep_header_line(char* data, std::size_t size, std::size_t count, void* user) {
    auto& headers = *static_cast<std::string*>(user);
    const std::string_view line(data, size * count);
    // An interim answer (100, 103) is followed by the real one.
    if (line.starts_with("HTTP/")) headers.clear();
    const bool is_end = line == "\r\n" || line == "\n";
    if (!is_end && headers.size() + line.size() <= kHeaderBytesMax) headers.append(line);
    return size * count;
}

/// To libcurl "Name:" is a header to leave out, and "Name;" is one with an empty value.
std::string as_curl_writes(const std::string& line) {
    const std::size_t colon = line.find(':');
    const bool has_value = line.find_first_not_of(" \t", colon + 1) != std::string::npos;
    return colon == std::string::npos || has_value ? line : line.substr(0, colon) + ";";
}

bool has_header(const HttpCall& call, std::string_view name) {
    return std::any_of(call.headers.begin(), call.headers.end(), [name](const std::string& line) {
        return equal_header_names(line.substr(0, line.find(':')), name);
    });
}

}  // namespace

HttpAnswer http_call(const HttpCall& call, std::size_t body_bytes_max) {
    const CurlHandle curl = make_curl_handle(call.transport, call.url.starts_with("https://"));
    CurlList headers;
    for (const std::string& line : call.headers) headers.add(as_curl_writes(line));
    add_no_header_of_its_own(headers, has_header(call, "Accept"), has_header(call, "Content-Type"));
    std::array<char, CURL_ERROR_SIZE> why{};
    Received received{{}, body_bytes_max};
    HttpAnswer answer;
    curl_easy_setopt(curl.get(), CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
    if (call.method == "HEAD") {
        curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
    } else if (!call.body.empty() || call.method != "GET") {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, call.body.c_str());
    }
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, why.data());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, keep_beginning);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, keep_header_line);
    curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.headers);
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        throw EnvironmentError(fmt::format("{} {}: {}; is the target running?", call.method,
                                           call.url,
                                           why[0] != '\0' ? why.data() : curl_easy_strerror(code)));
    }
    curl_off_t took_us = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    curl_easy_getinfo(curl.get(), CURLINFO_TOTAL_TIME_T, &took_us);
    answer.body = std::move(received.text);
    answer.is_cut = received.is_cut;
    answer.took = std::chrono::microseconds(took_us);
    return answer;
}

}  // namespace claimstorm
