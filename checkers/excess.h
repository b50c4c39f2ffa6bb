#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// When the promises beyond `room` units were made, and what that names: a cold cache, a race for
/// the last unit, a gate that opened again, a lock that expired. Empty where there was no room at
/// all, or no promise beyond it.
std::vector<std::string> tell_when_excess_began(const Evidence& evidence, std::int64_t room);

}  // namespace claimstorm
