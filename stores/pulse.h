#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// The stores' counters at one moment, cheap to read: equal pulses mean that nothing moved.
struct Pulse {
    /// By name: "mysql.claims", "redis.remaining" … Where there are several, each is a counter of
    /// its own ("redis.remaining[1]"): what goes from one to the other moves as well.
    std::vector<std::pair<std::string, Reading<std::int64_t>>> counters;
    std::int64_t open_transactions = 0;  ///< with changes not yet committed; 0 if not visible to us

    /// Why a counter could not be read, if one could not: then nobody can tell whether it moves.
    /// A cache key that is not there is no such fault.
    std::string unreadable() const;
    /// "mysql.claims went from 93 to 95"; empty when nothing moved.
    std::string difference(const Pulse& later) const;
};

}  // namespace claimstorm
