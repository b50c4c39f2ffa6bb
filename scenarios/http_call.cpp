#include "scenarios/http_call.h"

#include <algorithm>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr long kTimeoutMs = 15'000;

struct CurlCloser {
    void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

struct Received {
    std::string text;
    std::size_t most = 0;
};

std::size_t keep_beginning(char* data, std::size_t size, std::size_t count, void* user) {
    auto& received = *static_cast<Received*>(user);
    const std::size_t room = received.most - received.text.size();
    received.text.append(data, std::min(size * count, room));
    return size * count;
}

}  // namespace

HttpAnswer http_call(const HttpCall& call, std::size_t body_bytes_max) {
    const std::unique_ptr<CURL, CurlCloser> curl(curl_easy_init());
    if (!curl) throw EnvironmentError("libcurl could not be initialised");
    std::unique_ptr<curl_slist, CurlCloser> headers;
    for (const std::string& line : call.headers) {
        headers.reset(curl_slist_append(headers.release(), line.c_str()));
    }
    Received received{{}, body_bytes_max};
    curl_easy_setopt(curl.get(), CURLOPT_URL, call.url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, call.method.c_str());
    if (call.method == "HEAD") {
        curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
    } else if (!call.body.empty() || call.method != "GET") {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(call.body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, call.body.c_str());
    }
    if (headers) curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kTimeoutMs);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");  // a target is reached as the storm reaches it
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, keep_beginning);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &received);
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        throw EnvironmentError(fmt::format("{} {}: {}; is the target running?", call.method,
                                           call.url, curl_easy_strerror(code)));
    }
    HttpAnswer answer;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    answer.body = std::move(received.text);
    return answer;
}

}  // namespace claimstorm
