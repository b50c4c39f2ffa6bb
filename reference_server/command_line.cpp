#include "reference_server/command_line.h"

#include <charconv>
#include <cstdio>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/flow_heads.h"

namespace claimstorm::reference {
namespace {

bool is_loopback(const std::string& host) {
    return host.starts_with("127.") || host == "::1";
}

/// "127.0.0.1:8080", "[::1]:8080", "localhost:0".
void read_listen(const std::string& listen, bool allow_remote, HttpFrontOptions& front) {
    const auto colon = listen.rfind(':');
    const auto refuse = [&](std::string_view why) {
        throw UsageError(fmt::format("--listen '{}': {}", listen, why));
    };
    if (colon == std::string::npos) refuse("write it as address:port, e.g. 127.0.0.1:8080");
    std::string host = listen.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    if (host == "localhost") host = "127.0.0.1";
    const char* begin = listen.data() + colon + 1;
    const char* end = listen.data() + listen.size();
    const auto [stop, error] = std::from_chars(begin, end, front.port);
    if (error != std::errc{} || stop != end) refuse("the port is a number from 0 to 65535");
    if (!allow_remote && !is_loopback(host)) {
        refuse(
            "other machines could reach it, and it asks for no password; "
            "use 127.0.0.1, or add --allow-remote");
    }
    front.host = std::move(host);
}

}  // namespace

std::string list_flows() {
    std::string text;
    for (const FlowEntry& entry : flows()) {
        text += fmt::format("{}\n    {}\n", entry.name, entry.about);
        for (const OptionSpec& option : entry.options) {
            text += fmt::format("    --option {}={}  {}\n", option.name, option.default_value,
                                option.about);
        }
    }
    return text;
}

std::string list_flows_json() {
    using nlohmann::ordered_json;
    ordered_json list = ordered_json::array();
    for (const FlowEntry& entry : flows()) {
        ordered_json options = ordered_json::array();
        for (const OptionSpec& option : entry.options) {
            options.push_back({{"name", option.name},
                               {"default", option.default_value},
                               {"about", option.about}});
        }
        list.push_back({{"name", entry.name},
                        {"kind", to_string(entry.kind)},
                        {"sound", entry.sound},
                        {"about", entry.about},
                        {"head", flow_head(entry.name)},
                        {"options", options},
                        {"steps", entry.steps},
                        {"background_steps", entry.background_steps}});
    }
    return list.dump() + "\n";
}

namespace {

void add_fault_options(CLI::App& app, CommandLine& line) {
    app.add_option("--failpoint", line.server.failpoints,
                   "STEP=ACTION[@WHEN], e.g. in_lock=crash@3; the step * is each of them. Actions: "
                   "error, crash, pause(50ms), drop-reply, lose-cache; when: 3, 3+, 3-5, 2.5%")
        ->envname("CLAIMSTORM_FAILPOINT")
        ->allow_extra_args(false);
    app.add_option("--failpoint-seed", line.server.failpoint_seed,
                   "Draws the hits of failpoints with a share")
        ->envname("CLAIMSTORM_FAILPOINT_SEED")
        ->capture_default_str();
    app.add_option("--restarts", line.restarts, "Start a crashed server again, this often at most")
        ->envname("CLAIMSTORM_RESTARTS")
        ->check(CLI::Range(0, 1000))
        ->capture_default_str();
}

}  // namespace

std::optional<CommandLine> read_command_line(int argc, const char* const* argv) {
    CommandLine line;
    std::string flow;
    std::string listen = "127.0.0.1:0";
    bool list = false;
    bool json = false;
    bool allow_remote = false;
    CLI::App app("Serves claims by a named flow, right or wrong, for claimstorm to storm.",
                 "claimstorm-server");
    app.set_version_flag("--version", CLAIMSTORM_VERSION);
    app.add_option("--flow", flow, "The flow that serves the claims; --list-flows names them")
        ->envname("CLAIMSTORM_FLOW");
    app.add_option("--option", line.server.flow_options, "An option of the flow, as name=value")
        ->envname("CLAIMSTORM_OPTION")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--mysql", line.server.mysql_url, "mysql://user:password@host:port/database")
        ->envname("CLAIMSTORM_MYSQL");
    app.add_option("--redis", line.server.redis_url, "redis://user:password@host:port/database")
        ->envname("CLAIMSTORM_REDIS");
    app.add_option("--listen", listen, "Address and port; port 0 is any free one")
        ->envname("CLAIMSTORM_LISTEN")
        ->capture_default_str();
    app.add_flag("--allow-remote", allow_remote, "Listen on an address other machines can reach")
        ->envname("CLAIMSTORM_ALLOW_REMOTE");
    app.add_option("--workers", line.server.workers, "Threads, each with its own connections")
        ->envname("CLAIMSTORM_WORKERS")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    app.add_option("--queue", line.server.queue, "Requests that may wait for a worker")
        ->envname("CLAIMSTORM_QUEUE")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    add_fault_options(app, line);
    app.add_flag("--announce", line.announce, "Once ready, print a target file on one line")
        ->envname("CLAIMSTORM_ANNOUNCE");
    app.add_flag("--list-flows", list, "List the flows and their options");
    app.add_flag("--json", json, "With --list-flows: for programs");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            app.exit(error);
            return std::nullopt;
        }
        throw UsageError(fmt::format("{}; see claimstorm-server --help", error.what()));
    }
    if (list) {
        fmt::print("{}", json ? list_flows_json() : list_flows());
        return std::nullopt;
    }
    if (flow.empty()) throw UsageError("--flow is missing; claimstorm-server --list-flows");
    line.server.flow = find_flow(flow);
    const auto need = [](const std::string& url, std::string_view option, std::string_view env) {
        if (url.empty()) throw UsageError(fmt::format("{} is missing (or set {})", option, env));
    };
    need(line.server.mysql_url, "--mysql", "CLAIMSTORM_MYSQL");
    need(line.server.redis_url, "--redis", "CLAIMSTORM_REDIS");
    read_listen(listen, allow_remote, line.server.front);
    return line;
}

}  // namespace claimstorm::reference
