#pragma once

#include <span>
#include <string_view>

namespace claimstorm {

/// A scenario that comes with the program: scenarios/catalog/<name>.json, compiled in.
struct BundledScenario {
    std::string_view name;
    std::string_view text;
};

/// In alphabetical order.
std::span<const BundledScenario> bundled_scenarios() noexcept;
const BundledScenario* find_bundled_scenario(std::string_view name) noexcept;

}  // namespace claimstorm
