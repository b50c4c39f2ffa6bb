#pragma once

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): theirs
class App;
}

namespace claimstorm {

/// What a subcommand does once the command line is parsed; returns the exit status.
/// Throws Error for whatever ends in one line on stderr.
using CommandBody = std::function<int()>;

// One function a subcommand, one file each: adds the subcommand with its flags to `app`, and, when
// the command line chooses it, leaves what it does in `chosen`.
void add_demo_command(CLI::App& app, CommandBody& chosen);
void add_run_command(CLI::App& app, CommandBody& chosen);
void add_storm_command(CLI::App& app, CommandBody& chosen);
void add_init_command(CLI::App& app, CommandBody& chosen);
void add_probe_command(CLI::App& app, CommandBody& chosen);
void add_audit_command(CLI::App& app, CommandBody& chosen);
void add_check_command(CLI::App& app, CommandBody& chosen);
void add_history_command(CLI::App& app, CommandBody& chosen);
void add_lab_command(CLI::App& app, CommandBody& chosen);
void add_scenarios_command(CLI::App& app, CommandBody& chosen);
void add_flows_command(CLI::App& app, CommandBody& chosen);
void add_checks_command(CLI::App& app, CommandBody& chosen);

}  // namespace claimstorm
