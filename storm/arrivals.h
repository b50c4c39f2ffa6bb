#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/history.h"
#include "storm/spec.h"

namespace claimstorm {

/// "30s@50,1m@200": stretches of time, each with the rate per second that it ends with; 0s jumps.
/// Throws UsageError.
Stages parse_stages(std::string_view text);

/// What `parse_stages` reads back.
std::string stages_text(const Stages& stages);

/// How many arrivals the stages make in all: the area under their rate, rounded down.
std::uint64_t arrivals_in(const Stages& stages);

/// When arrival `position` (from 0) comes: the instant at which the area under the rate reaches
/// `position`, solved exactly, not stepped. Precondition: position < arrivals_in(stages).
TimeNs arrival_of(const Stages& stages, std::uint64_t position);

/// How long all stages last.
TimeNs span_of(const Stages& stages);

}  // namespace claimstorm
