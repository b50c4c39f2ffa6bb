#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/history.h"
#include "storm/spec.h"

namespace claimstorm {

/// One attempt as planned. A user's later clicks stand right behind the first one; they are sent
/// `due_ns − due_ns of the first` after the first was really sent, so that a double click stays a
/// double click even when the first had to wait for a free connection.
struct PlannedAttempt {
    TimeNs due_ns = 0;
    UserId user = 0;
    std::uint16_t number = 1;
};

/// All attempts, grouped by user, groups in the order in which their first attempts are due.
using Plan = std::vector<PlannedAttempt>;

/// A pure function of its arguments: the same spec and seed give the same plan on every machine.
Plan make_plan(const StormSpec& spec, std::uint64_t seed);

/// One line an attempt, "due_ns user_index number": what the tests compare and --dry-run shows.
std::string plan_text(const Plan& plan, std::size_t lines_max);

}  // namespace claimstorm
