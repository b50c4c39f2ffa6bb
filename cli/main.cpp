#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <fmt/format.h>

#include "cli/command.h"
#include "model/error.h"

namespace {

constexpr int kUsageStatus = 2;
constexpr int kEnvironmentStatus = 3;

/// One line, whatever was in the text.
void complain(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    fmt::print(stderr, "claimstorm: {}\n", text);
}

int run(int argc, char** argv) {
    CLI::App app(
        "Proves, or disproves, that a service which hands out limited things to crowds never hands "
        "out too many.",
        "claimstorm");
    app.set_version_flag("--version", "claimstorm " CLAIMSTORM_VERSION);
    app.require_subcommand(1);
    app.get_formatter()->column_width(34);
    claimstorm::CommandBody chosen;
    claimstorm::add_demo_command(app, chosen);
    claimstorm::add_run_command(app, chosen);
    claimstorm::add_storm_command(app, chosen);
    claimstorm::add_init_command(app, chosen);
    claimstorm::add_probe_command(app, chosen);
    claimstorm::add_audit_command(app, chosen);
    claimstorm::add_check_command(app, chosen);
    claimstorm::add_history_command(app, chosen);
    claimstorm::add_lab_command(app, chosen);
    claimstorm::add_scenarios_command(app, chosen);
    claimstorm::add_flows_command(app, chosen);
    claimstorm::add_checks_command(app, chosen);
    app.footer(
        "Exit status: 0 holds, 1 violated, 2 usage, 3 environment, 4 inconclusive, 130 "
        "interrupted.");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
        complain(fmt::format("{}; 'claimstorm --help' shows what there is", error.what()));
        return kUsageStatus;
    }
    return chosen();
}

}  // namespace

int main(int argc, char** argv) {
    curl_global_init(CURL_GLOBAL_DEFAULT);  // before any thread
    // A file size limit is a full disk like another: the write fails and says so.
    std::signal(SIGXFSZ, SIG_IGN);
    int status = kEnvironmentStatus;
    try {
        status = run(argc, argv);
    } catch (const claimstorm::Error& error) {
        complain(error.what());
        status = error.exit_status();
    } catch (const std::exception& error) {
        complain(error.what());
    }
    curl_global_cleanup();
    // A verdict that nobody can read is none: what was printed must have got out.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
        complain("the output could not be written");
        status = kEnvironmentStatus;
    }
    return status;
}
