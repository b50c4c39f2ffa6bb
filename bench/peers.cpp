#include "bench/peers.h"

#include <fstream>
#include <regex>
#include <utility>

#include <fmt/format.h>

#include "lab/posix.h"
#include "lab/programs.h"
#include "model/error.h"

namespace claimstorm::bench {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

constexpr const char* kPath = "/claims";
constexpr const char* kType = "application/json";
/// What is asked of tools that can send but one and the same body.
constexpr const char* kBody = R"({"user":"u1"})";
/// More than any run here sends; ab reserves 40 bytes for each.
constexpr std::int64_t kEndless = 5'000'000;

/// A different user each time, and an end after so many answers where an end is asked for.
constexpr const char* kWrkScript = R"(local n, answered, limit = 0, 0, {}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
    n = n + 1
    return wrk.format(nil, nil, nil, '{{"user":"u' .. n .. '"}}')
end
)";
constexpr const char* kWrkEnd = R"(response = function()
    answered = answered + 1
    if answered == limit then wrk.thread:stop() end
end
)";

std::string wrk_script(const LoadOrder& order) {
    const std::string script = fmt::format(kWrkScript, order.requests.value_or(0));
    return order.requests ? script + kWrkEnd : script;
}

Arguments wrk_command(const LoadOrder& order, const fs::path& folder) {
    const fs::path script = folder / "claims.lua";
    std::ofstream(script) << wrk_script(order);
    // It sleeps through all of its duration, whatever its script stops before.
    const auto duration = order.duration.value_or(std::chrono::seconds(2));
    return {find_program("wrk", "wrk").string(),
            "-t1",
            fmt::format("-c{}", order.connections),
            fmt::format("-d{}", duration.count()),
            "-s",
            script.string(),
            order.url + kPath};
}

Arguments ab_command(const LoadOrder& order, const fs::path& folder) {
    const fs::path body = folder / "claim.json";
    std::ofstream(body) << kBody;
    Arguments argv = {find_program("ab", "apache2-utils").string(),
                      "-q",
                      "-k",
                      "-r",
                      "-c",
                      std::to_string(order.connections)};
    // A duration implies a number of requests, so the number follows it.
    if (order.duration) {
        argv.insert(argv.end(), {"-t", std::to_string(order.duration->count())});
    }
    argv.insert(argv.end(), {"-n", std::to_string(order.requests.value_or(kEndless)), "-p",
                             body.string(), "-T", kType, order.url + kPath});
    return argv;
}

Arguments h2load_command(const LoadOrder& order, const fs::path& folder) {
    const fs::path body = folder / "claim.json";
    std::ofstream(body) << kBody;
    Arguments argv = {find_program("h2load", "nghttp2-client").string(),
                      "-c",
                      std::to_string(order.http2 ? 1 : order.connections),
                      "-t",
                      "1",
                      "-d",
                      body.string(),
                      "-H",
                      fmt::format("content-type: {}", kType)};
    if (!order.http2) argv.emplace_back("--h1");
    if (order.http2) {
        argv.insert(argv.end(), {"-m", std::to_string(order.connections)});
    }
    if (order.duration) {
        argv.insert(argv.end(), {"-D", std::to_string(order.duration->count())});
    } else {
        argv.insert(argv.end(), {"-n", std::to_string(order.requests.value_or(1))});
    }
    if (order.per_second) {
        argv.insert(argv.end(), {"--rps", std::to_string(*order.per_second / order.connections)});
    }
    argv.push_back(order.url + kPath);
    return argv;
}

Arguments hey_command(const LoadOrder& order) {
    Arguments argv = {find_program("hey", "hey").string(), "-c", std::to_string(order.connections)};
    if (order.duration) {
        argv.insert(argv.end(), {"-z", fmt::format("{}s", order.duration->count())});
    } else {
        argv.insert(argv.end(), {"-n", std::to_string(order.requests.value_or(1))});
    }
    if (order.per_second) {
        argv.insert(argv.end(), {"-q", std::to_string(*order.per_second / order.connections)});
    }
    argv.insert(argv.end(), {"-m", "POST", "-T", kType, "-d", kBody, order.url + kPath});
    return argv;
}

/// The number in the first group of the first match; -1 for none.
std::int64_t number_in(const std::string& text, const std::string& pattern) {
    std::smatch match;
    const std::regex regex(pattern);
    return std::regex_search(text, match, regex) ? std::stoll(match[1].str()) : -1;
}

double rate_in(const std::string& text, const std::string& pattern) {
    std::smatch match;
    const std::regex regex(pattern);
    return std::regex_search(text, match, regex) ? std::stod(match[1].str()) : 0;
}

std::int64_t or_zero(std::int64_t number) {
    return number < 0 ? 0 : number;
}

/// The first line, up to where it turns to what could be done about it.
std::string complaint_in(const std::string& text) {
    return text.substr(0, text.find_first_of("\n;"));
}

void read_storm(const fs::path& run_folder, LoadRun& load) {
    const auto result =
        nlohmann::json::parse(read_file_or_empty(run_folder / "result.json"), nullptr, false);
    if (!result.is_object() || !result.contains("storm")) {
        load.why_not = "no figures in result.json";
        return;
    }
    load.storm = result.at("storm");
    const auto outcomes = load.storm.value("outcomes", nlohmann::json::object());
    load.answered = outcomes.value("granted", std::int64_t{0});
    load.failed = load.storm.value("attempts", std::int64_t{0}) - load.answered;
    load.attempts_per_s = load.storm.value("attempts_per_s", 0.0);
}

std::chrono::seconds limit_of(const LoadOrder& order) {
    constexpr std::chrono::seconds kRest{120};
    // Nothing here is slower than 10,000 a second, but the machine may be busy.
    const std::chrono::seconds requests(order.requests.value_or(0) / 10'000);
    return kRest + order.duration.value_or(requests);
}

}  // namespace

std::string name_of(Tool tool) {
    switch (tool) {
        case Tool::claimstorm:
            return "claimstorm";
        case Tool::claimstorm_curl:
            return "claimstorm --transport curl";
        case Tool::wrk:
            return "wrk";
        case Tool::ab:
            return "ab";
        case Tool::h2load:
            return "h2load";
        case Tool::hey:
            break;
    }
    return "hey";
}

std::optional<double> LoadRun::cpu_us_per_attempt() const {
    if (answered == 0) return std::nullopt;
    return run.cpu_s * 1e6 / static_cast<double>(answered);
}

Peers::Peers(fs::path folder, fs::path claimstorm, const std::atomic<bool>& stop)
    : folder_(std::move(folder)), claimstorm_(std::move(claimstorm)), stop_(stop) {}

Arguments Peers::claimstorm_command(Tool tool, const LoadOrder& order) const {
    Arguments argv = {claimstorm_.string(), "storm", "--url",
                      order.url + kPath,    "-c",    std::to_string(order.connections)};
    if (order.duration)
        argv.insert(argv.end(), {"-d", fmt::format("{}s", order.duration->count())});
    if (order.requests) argv.insert(argv.end(), {"-n", std::to_string(*order.requests)});
    if (order.per_second) argv.insert(argv.end(), {"-R", fmt::format("{}/s", *order.per_second)});
    if (tool == Tool::claimstorm_curl) argv.insert(argv.end(), {"--transport", "curl"});
    // A thread keeps its streams on one connection.
    if (order.http2) argv.insert(argv.end(), {"--threads", "1"});
    argv.insert(argv.end(), order.claimstorm_flags.begin(), order.claimstorm_flags.end());
    argv.insert(argv.end(), {"--json", "-o", run_folder().string()});
    return argv;
}

Arguments Peers::command(Tool tool, const LoadOrder& order) const {
    switch (tool) {
        case Tool::claimstorm:
        case Tool::claimstorm_curl:
            break;
        case Tool::wrk:
            return wrk_command(order, folder_);
        case Tool::ab:
            return ab_command(order, folder_);
        case Tool::h2load:
            return h2load_command(order, folder_);
        case Tool::hey:
            return hey_command(order);
    }
    return claimstorm_command(tool, order);
}

bool read_output(Tool tool, const std::string& out, LoadRun& load) {
    switch (tool) {
        case Tool::claimstorm:
        case Tool::claimstorm_curl:
            return false;
        case Tool::wrk:
            load.answered = number_in(out, R"((\d+) requests in)");
            load.failed = or_zero(number_in(out, R"(Non-2xx or 3xx responses: (\d+))")) +
                          or_zero(number_in(out, R"(Socket errors: connect (\d+))")) +
                          or_zero(number_in(out, R"(, read (\d+))")) +
                          or_zero(number_in(out, R"(, timeout (\d+))"));
            load.attempts_per_s = rate_in(out, R"(Requests/sec: +([\d.]+))");
            break;
        case Tool::ab:
            load.answered = number_in(out, R"(Complete requests: +(\d+))");
            load.failed = or_zero(number_in(out, R"(Failed requests: +(\d+))"));
            load.attempts_per_s = rate_in(out, R"(Requests per second: +([\d.]+))");
            break;
        case Tool::h2load:
            load.answered = number_in(out, R"(status codes: (\d+) 2xx)");
            load.failed = or_zero(number_in(out, R"((\d+) failed)"));
            load.attempts_per_s = rate_in(out, R"(finished in [^,]+, ([\d.]+) req/s)");
            break;
        case Tool::hey:
            load.answered = number_in(out, R"(\[200\]\s+(\d+) responses)");
            load.failed = or_zero(number_in(out, R"(Error distribution:\s+\[(\d+)\])"));
            load.attempts_per_s = rate_in(out, R"(Requests/sec:\s+([\d.]+))");
            break;
    }
    return load.answered >= 0;
}

LoadRun Peers::fire(Tool tool, const LoadOrder& order) const {
    LoadRun load;
    Arguments argv;
    try {
        argv = command(tool, order);
    } catch (const EnvironmentError& missing) {
        load.why_not = missing.what();
        return load;
    }
    fs::remove_all(run_folder());
    load.run = run_client(argv, folder_, limit_of(order), stop_);
    const bool is_ours = tool == Tool::claimstorm || tool == Tool::claimstorm_curl;
    // The run's verdict is none of this benchmark's business: 1 and 4 have fired as 0 has.
    const int code = load.run.status.code;
    const bool has_fired =
        load.run.status.signal == 0 && (code == 0 || (is_ours && (code == 1 || code == 4)));
    if (!has_fired) {
        load.why_not =
            fmt::format("{}: {}", to_string(load.run.status), complaint_in(load.run.err));
    } else if (is_ours) {
        read_storm(run_folder(), load);
    } else if (!read_output(tool, load.run.out, load)) {
        load.why_not = "its output has no number of requests";
    }
    return load;
}

}  // namespace claimstorm::bench
