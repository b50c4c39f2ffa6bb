#pragma once

#include <optional>
#include <string>

#include "reference_server/server.h"

namespace claimstorm::reference {

struct CommandLine {
    ServerOptions server;
    int restarts = 0;       ///< how often a crashed server is started again
    bool announce = false;  ///< a target file on stdout once ready, instead of the line for people
};

/// Reads arguments and CLAIMSTORM_… environment, the arguments first. nullopt: --help, --version or
/// --list-flows was asked for and has been answered on stdout. Throws UsageError.
std::optional<CommandLine> read_command_line(int argc, const char* const* argv);

/// The text of --list-flows.
std::string list_flows();

/// The same for programs: a JSON array, one object a flow.
std::string list_flows_json();

}  // namespace claimstorm::reference
