#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/finding.h"
#include "model/history.h"
#include "model/result.h"
#include "scenarios/scenario.h"

namespace claimstorm {

/// The figures a gate can be set on, and the built-in gates, by name.
std::vector<std::string_view> gate_names();

/// What is wrong with a gate as written, for a person; empty when nothing is.
std::string gate_problem(const GateSpec& gate);

/// The scenario's gates. A gate on a figure that was never measured is inconclusive; without a
/// history all are skipped, and with an imported one those on figures of the generator.
std::vector<Gate> judge_gates(const std::vector<GateSpec>& gates, const StormFigures& figures,
                              HistoryOrigin origin = HistoryOrigin::storm);

/// The gates every run has, so that no run is green for nothing: somebody was granted, every
/// attempt was sent, sold out was reached when there were more users than stock, and the generator
/// kept its own schedule. When missed they are inconclusive, and say what to change. Of an imported
/// log nobody knows what generated it: those about the generator are skipped.
std::vector<Gate> built_in_gates(const Scenario& scenario, const StormFigures& figures,
                                 HistoryOrigin origin = HistoryOrigin::storm);

}  // namespace claimstorm
