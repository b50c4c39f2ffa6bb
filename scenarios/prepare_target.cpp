#include "scenarios/prepare_target.h"

#include <algorithm>
#include <optional>

#include <curl/curl.h>
#include <fmt/format.h>

#include "model/error.h"
#include "model/text_template.h"
#include "scenarios/http_call.h"
#include "scenarios/target_file.h"
#include "stores/prepare.h"
#include "storm/address.h"
#include "storm/request_template.h"

namespace claimstorm {
namespace {

constexpr std::size_t kAnswerShown = 200;

void run_http(const HttpStep& step, const EndpointSpec& endpoint, const Placeholders& values) {
    const RequestSpec& request = step.request;
    const std::vector<std::string_view> views(values.values.begin(), values.values.end());
    const auto fill = [&](const std::string& text, TextTemplate::Escape escape) {
        return TextTemplate(text, values.names, "prepare.http", escape).filled(views);
    };
    const HttpAddress address = parse_base_url(endpoint.base_url);
    const std::string url =
        address.origin() + address.path_prefix + fill(request.path, TextTemplate::Escape::path);
    const std::string body = fill(request.body, body_escape(request));

    HttpCall call{request.method, url, {}, body, endpoint.transport};
    const bool has_type =
        std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
            return curl_strequal(header.first.c_str(), "Content-Type") != 0;
        });
    if (!request.body.empty() && !has_type) {
        call.headers.push_back(fmt::format("Content-Type: {}", default_content_type(request)));
    }
    for (const auto& [name, value] : request.headers) {
        call.headers.push_back(
            fmt::format("{}: {}", name, fill(value, TextTemplate::Escape::header)));
    }
    const HttpAnswer answer = http_call(call, kAnswerShown);
    if (answer.status / 100 != 2) {
        throw EnvironmentError(fmt::format("{} {} was answered with {}: {}", request.method, url,
                                           answer.status, answer.body));
    }
}

/// `phase` is the steps' key in the target file, for messages.
void run_steps(const std::vector<PrepareStep>& steps, std::string_view phase, const Target& target,
               const Campaign& campaign) {
    Placeholders values{campaign_placeholders(), campaign_values(campaign)};
    std::optional<MysqlConnection> mysql;
    std::optional<RedisConnection> redis;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        try {
            const PrepareStep& step = steps[i];
            if (const auto* http = std::get_if<HttpStep>(&step)) {
                run_http(*http, target.endpoint, values);
            } else if (const auto* sql = std::get_if<SqlStep>(&step)) {
                if (!mysql) mysql.emplace(target.evidence.mysql->address.value());
                run_step(*mysql, *sql, values);
            } else {
                if (!redis) redis.emplace(target.evidence.redis->address.value());
                run_step(*redis, std::get<RedisStep>(step), values);
            }
        } catch (const EnvironmentError& error) {
            throw EnvironmentError(fmt::format("{}/{}: {}", phase, i, error.what()));
        }
    }
}

}  // namespace

void prepare_target(const Target& target, const Campaign& campaign) {
    run_steps(target.prepare, "prepare", target, campaign);
}

void finish_target(const Target& target, const Campaign& campaign) {
    run_steps(target.finish, "finish", target, campaign);
}

}  // namespace claimstorm
