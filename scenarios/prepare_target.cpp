#include "scenarios/prepare_target.h"

#include <algorithm>
#include <memory>
#include <optional>

#include <curl/curl.h>
#include <fmt/format.h>

#include "model/error.h"
#include "model/text_template.h"
#include "scenarios/target_file.h"
#include "stores/prepare.h"
#include "storm/address.h"

namespace claimstorm {
namespace {

constexpr long kHttpTimeoutMs = 15'000;
constexpr std::size_t kAnswerShown = 200;

struct CurlCloser {
    void operator()(CURL* curl) const noexcept { curl_easy_cleanup(curl); }
    void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

std::size_t keep_beginning(char* data, std::size_t size, std::size_t count, void* user) {
    auto& text = *static_cast<std::string*>(user);
    if (text.size() < kAnswerShown) text.append(data, std::min(size * count, kAnswerShown));
    return size * count;
}

void run_http(const HttpStep& step, const std::string& base_url, const Placeholders& values) {
    const RequestSpec& request = step.request;
    const std::vector<std::string_view> views(values.values.begin(), values.values.end());
    const auto fill = [&](const std::string& text, TextTemplate::Escape escape) {
        return TextTemplate(text, values.names, "prepare.http", escape).filled(views);
    };
    const HttpAddress address = parse_base_url(base_url);
    const std::string url = fmt::format("http://{}{}{}", address.host_header(), address.path_prefix,
                                        fill(request.path, TextTemplate::Escape::path));
    const std::string body = fill(
        request.body, request.json_body ? TextTemplate::Escape::json : TextTemplate::Escape::none);

    const std::unique_ptr<CURL, CurlCloser> curl(curl_easy_init());
    if (!curl) throw EnvironmentError("libcurl could not be initialised");
    std::unique_ptr<curl_slist, CurlCloser> headers;
    const auto add_header = [&headers](const std::string& line) {
        headers.reset(curl_slist_append(headers.release(), line.c_str()));
    };
    const bool has_type =
        std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
            return curl_strequal(header.first.c_str(), "Content-Type") != 0;
        });
    if (request.json_body && !has_type) add_header("Content-Type: application/json");
    for (const auto& [name, value] : request.headers) {
        add_header(fmt::format("{}: {}", name, fill(value, TextTemplate::Escape::none)));
    }
    std::string answer;
    curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method == "HEAD") {
        curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
    } else if (!body.empty() || request.method != "GET") {
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
    }
    if (headers) curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kHttpTimeoutMs);
    curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_PROXY, "");  // a target is reached as the storm reaches it
    curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, keep_beginning);
    curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
    const CURLcode code = curl_easy_perform(curl.get());
    if (code != CURLE_OK) {
        throw EnvironmentError(fmt::format("{} {}: {}; is the target running?", request.method, url,
                                           curl_easy_strerror(code)));
    }
    long status = 0;
    curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status / 100 != 2) {
        throw EnvironmentError(fmt::format("{} {} was answered with {}: {}", request.method, url,
                                           status, answer.substr(0, kAnswerShown)));
    }
}

}  // namespace

void prepare_target(const Target& target, const Campaign& campaign) {
    Placeholders values{campaign_placeholders(), campaign_values(campaign)};
    std::optional<MysqlConnection> mysql;
    std::optional<RedisConnection> redis;
    for (std::size_t i = 0; i < target.prepare.size(); ++i) {
        try {
            const PrepareStep& step = target.prepare[i];
            if (const auto* http = std::get_if<HttpStep>(&step)) {
                run_http(*http, target.endpoint.base_url, values);
            } else if (const auto* sql = std::get_if<SqlStep>(&step)) {
                if (!mysql) mysql.emplace(target.evidence.mysql->address);
                run_step(*mysql, *sql, values);
            } else {
                if (!redis) redis.emplace(target.evidence.redis->address);
                run_step(*redis, std::get<RedisStep>(step), values);
            }
        } catch (const EnvironmentError& error) {
            throw EnvironmentError(fmt::format("prepare/{}: {}", i, error.what()));
        }
    }
}

}  // namespace claimstorm
