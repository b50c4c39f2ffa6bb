#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/evidence.h"

namespace claimstorm {

/// How a run stands, as far as it has been told.
struct LiveState {
    std::uint64_t ended = 0;    ///< attempts
    std::uint64_t planned = 0;  ///< attempts; 0: the storm has not begun
    std::uint64_t granted = 0;
    std::optional<StoreSample> sample;  ///< the last one, where the stores are watched
};

/// "2,400 of 2,400 attempts · 100 granted · 97 rows · 3 queued · cache 0 · 1.2 s". Of the stores
/// only what the target names; "?" for what could not be read. The attempts are left out until they
/// are known.
std::string live_line(const LiveState& state);

}  // namespace claimstorm
