#pragma once

#include "cli/command.h"

namespace claimstorm {

/// `claimstorm flows verify`: every bundled flow under every bundled condition, each held against
/// what is known to be wrong with it.
void add_flows_verify(CLI::App& flows, CommandBody& chosen);

}  // namespace claimstorm
