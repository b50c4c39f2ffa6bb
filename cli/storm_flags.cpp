#include "cli/storm_flags.h"

#include <algorithm>
#include <cmath>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "model/units.h"
#include "scenarios/json_place.h"
#include "scenarios/scenario_file.h"
#include "storm/arrivals.h"

namespace claimstorm {
namespace {

using nlohmann::json;

/// As many users as a storm may have: a closed loop with a duration takes whoever comes.
constexpr std::int64_t kUsersMax = 100'000'000;
constexpr std::int64_t kConnectionsDefault = 64;
constexpr std::int64_t kBurstConnectionsMax = 1000;

std::int64_t count_of(const char* option, const std::string& text) {
    const auto count = parse_count(text);
    if (!count || *count < 1 || *count > kUsersMax) {
        throw UsageError(fmt::format(
            "{} '{}': a count from 1 to 100M is wanted, such as 500 or 10k", option, text));
    }
    return *count;
}

/// "500", "10k/s" and "30/m".
double rate_of(const std::string& text) {
    const auto rate = parse_rate(text.find('/') == std::string::npos ? text + "/s" : text);
    if (!rate) throw UsageError(fmt::format("-R '{}': write a rate as 500, 10k/s or 30/m", text));
    return *rate;
}

double seconds_of(const std::string& text) {
    const auto span = parse_duration(text);
    if (!span || span->count() <= 0) {
        throw UsageError(fmt::format("-d '{}': write a duration as 10s, 500ms or 5m", text));
    }
    return std::chrono::duration<double>(*span).count();
}

std::string without_spaces_around(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

json headers_json(const std::vector<std::string>& headers) {
    json object = json::object();
    for (const std::string& header : headers) {
        const std::size_t colon = header.find(':');
        if (colon == std::string::npos || colon == 0) {
            throw UsageError(fmt::format("-H '{}': write a header as 'Name: value'", header));
        }
        object[header.substr(0, colon)] = without_spaces_around(header.substr(colon + 1));
    }
    return object;
}

/// What is JSON is sent as such; "@FILE" is that file's text.
json body_json(const std::string& body) {
    const std::string text =
        body.starts_with('@') ? read_text_file(body.substr(1), "the file of --body") : body;
    json value = json::parse(text, nullptr, false);
    return value.is_structured() ? value : json(text);
}

/// "409=sold_out", "/code:1001=sold_out", "~repeat=already_claimed".
json outcome_json(const std::string& text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos || equals == 0) {
        throw UsageError(
            fmt::format("--outcome '{}': write it as 409=sold_out, "
                        "/code:1001=sold_out or ~REGEX=already_claimed",
                        text));
    }
    const std::string when = text.substr(0, equals);
    json rule;
    if (when.starts_with('~')) {
        rule["body_regex"] = when.substr(1);
    } else if (when.starts_with('/')) {
        const std::size_t colon = when.rfind(':');
        if (colon == std::string::npos) {
            throw UsageError(
                fmt::format("--outcome '{}': a pointer is followed by the value that "
                            "is expected there: /code:1001=sold_out",
                            text));
        }
        json value = json::parse(when.substr(colon + 1), nullptr, false);
        if (value.is_discarded()) value = when.substr(colon + 1);
        rule["json"] = json::object({{when.substr(0, colon), value}});
    } else {
        const auto status = parse_count(when);
        rule["status"] = status ? json(*status) : json(when);
    }
    rule["is"] = text.substr(equals + 1);
    return rule;
}

json gates_json(const std::vector<std::string>& gates) {
    json object = json::object();
    for (const std::string& gate : gates) {
        const std::size_t sign = gate.find_first_of("<>");
        if (sign == std::string::npos) {
            throw UsageError(fmt::format("--gate '{}': write it as 'latency_ms_p99 < 200'", gate));
        }
        object[without_spaces_around(gate.substr(0, sign))] = gate.substr(sign);
    }
    return object;
}

struct Shape {
    json arrival;
    std::int64_t users = 0;
};

/// How many come, and when: by the first of --stages, -R, --burst; else a closed loop.
Shape shape_of(const StormFlags& flags) {
    const int chosen = static_cast<int>(!flags.stages.empty()) +
                       static_cast<int>(!flags.rate.empty()) + static_cast<int>(flags.burst);
    if (chosen > 1) throw UsageError("only one of --stages, -R and --burst makes sense");
    if (flags.poisson && flags.rate.empty()) throw UsageError("--poisson needs a rate: -R 500");
    const bool has_count = !flags.requests.empty();
    const std::int64_t count = has_count ? count_of("-n", flags.requests) : 0;
    if (!flags.stages.empty()) {
        const std::uint64_t come = arrivals_in(parse_stages(flags.stages));
        return {{{"stages", flags.stages}}, has_count ? count : static_cast<std::int64_t>(come)};
    }
    if (flags.burst) {
        if (!has_count) throw UsageError("--burst needs to know how many: -n 1000");
        return {{{"burst", {{"gate", flags.gate}}}}, count};
    }
    const std::string duration =
        flags.duration.empty() && !has_count ? std::string("10s") : flags.duration;
    if (!flags.rate.empty()) {
        const double rate = rate_of(flags.rate);
        const std::int64_t come =
            duration.empty() ? count : std::llround(rate * seconds_of(duration));
        const std::string text = fmt::format("{}/s", rate);
        return {{{flags.poisson ? "poisson" : "rate", text}},
                std::max<std::int64_t>(1, has_count ? std::min(count, come) : come)};
    }
    json loop = json::object();
    if (!flags.think.empty()) loop["think"] = flags.think;
    if (!duration.empty()) {
        seconds_of(duration);
        loop["duration"] = duration;
    }
    return {{{"closed_loop", loop}}, has_count ? count : kUsersMax};
}

/// The flags that say how the URL is talked to, as a target file writes them.
void add_transport_keys(const StormFlags& flags, json& target) {
    const auto add = [](json& object, const char* key, const std::string& value) {
        if (!value.empty()) object[key] = value;
    };
    add(target, "transport", flags.transport);
    add(target, "http", flags.http);
    add(target, "unix_socket", flags.unix_socket);
    add(target, "proxy", flags.proxy);
    json tls = json::object();
    add(tls, "ca", flags.ca);
    add(tls, "certificate", flags.certificate);
    add(tls, "key", flags.key);
    if (flags.insecure) tls["verify"] = false;
    if (!tls.empty()) target["tls"] = tls;
}

}  // namespace

void StormFlags::add_to(CLI::App& command) {
    const auto add = [&command](const char* name, auto& value, const char* about) {
        return command.add_option(name, value, about);
    };
    add("--url", url, "Where claims go, e.g. http://127.0.0.1:8080/claim")
        ->required()
        ->envname("CLAIMSTORM_URL");
    add("-X,--method", method, "HTTP method")->capture_default_str();
    add("-H,--header", headers, "'Name: value'; may be given several times")
        ->allow_extra_args(false);
    add("--body", body, "Request body, JSON or text; @FILE reads one")->capture_default_str();
    add("--user", user, "The name of user n")->capture_default_str();
    add("--campaign", campaign, "What {campaign} stands for")->capture_default_str();
    add("--outcome", outcomes,
        "409=sold_out, /code:1001=sold_out, ~REGEX=already_claimed; the first that fits wins "
        "(default: every 2xx is granted)")
        ->allow_extra_args(false);
    add("--gates", gates, "A limit on a figure: 'latency_ms_p99 < 200'")->allow_extra_args(false);
    add("--allow-host", hosts_allowed, "A host besides this machine that may be stormed")
        ->allow_extra_args(false);
    add("-t,--threads", threads, "Threads that send (default: 2, for a rate up to 50000/s: 1)");
    add("-c,--connections", connections, "Open connections (default: 64, a burst: up to 1000)");
    add("-d,--duration", duration, "How long (default: 10s, unless -n is given)");
    add("-n,--requests", requests, "How many, each by another user");
    add("-R,--rate", rate, "Open loop: so many a second, whatever the service does");
    command.add_flag("--poisson", poisson, "With -R: independent arrivals, not an even beat");
    add("--stages", stages, "Open loop with a changing rate: 30s@50,1m@200");
    command.add_flag("--burst", burst, "All of -n in the same instant");
    add("--gate", gate, "Of a burst: full, last-byte or single-packet")->capture_default_str();
    add("--think", think, "Closed loop: pause between an answer and the next claim");
    add("--timeout", timeout, "An attempt's, from its send")->capture_default_str();
    add("--source", source_addresses, "Local address to send from; several are taken in turn")
        ->allow_extra_args(false);
    add("--http", http, "1.1, 2 or 3 (default: 1.1, and 2 for a single-packet burst)");
    add("--transport", transport, "native or curl (default: native where it speaks that)");
    add("--unix-socket", unix_socket, "Path of a Unix socket to connect to instead of the host");
    add("--proxy", proxy, "URL of a proxy to go through");
    add("--cacert", ca, "PEM file of the authorities to trust (default: the system's)");
    add("--cert", certificate, "The client's certificate, PEM");
    add("--key", key, "Its key, PEM");
    command.add_flag("-k,--insecure", insecure, "Take any certificate");
}

Scenario StormFlags::scenario() const {
    const Shape shape = shape_of(*this);
    const std::size_t scheme = url.find("://");
    const std::size_t path =
        scheme == std::string::npos ? std::string::npos : url.find('/', scheme + 3);
    json target = {{"base_url", url.substr(0, path)},
                   {"users", {{"template", user}}},
                   {"claim",
                    {{"method", method},
                     {"path", path == std::string::npos ? "/" : url.substr(path)},
                     {"headers", headers_json(headers)}}}};
    if (!body.empty() && method != "GET" && method != "HEAD") {
        target["claim"]["body"] = body_json(body);
    }
    target["outcomes"] = json::array();
    for (const std::string& outcome : outcomes) target["outcomes"].push_back(outcome_json(outcome));
    if (outcomes.empty()) target["outcomes"].push_back({{"status", "2xx"}, {"is", "granted"}});
    if (!hosts_allowed.empty()) target["hosts_allowed"] = hosts_allowed;
    add_transport_keys(*this, target);
    const std::int64_t wanted =
        connections.empty()
            ? (burst ? std::min(shape.users, kBurstConnectionsMax) : kConnectionsDefault)
            : count_of("-c", connections);
    json storm = {{"users", shape.users},
                  {"connections", std::min(wanted, shape.users)},
                  {"arrival", shape.arrival},
                  {"timeout", timeout}};
    if (threads) storm["threads"] = *threads;
    if (!source_addresses.empty()) storm["source_addresses"] = source_addresses;
    const json document = {{"name", "storm"},
                           {"target", target},
                           {"campaign", {{"id", campaign}, {"stock", shape.users}}},
                           {"storm", storm},
                           {"checks", "none"},
                           {"gates", gates_json(gates)}};
    return read_scenario(JsonPlace(document, "storm"), ".");
}

}  // namespace claimstorm
