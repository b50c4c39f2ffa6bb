#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lab/server.h"

namespace claimstorm {

/// A private Redis: loopback only, a password, nothing ever saved. Works in `folder`, which it
/// makes. `options` are further lines of redis.conf, e.g. "maxmemory 64mb".
ServerPlan redis_plan(const std::filesystem::path& program, const std::filesystem::path& folder,
                      const std::string& password, const std::vector<std::string>& options);

}  // namespace claimstorm
