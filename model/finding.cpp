#include "model/finding.h"

#include <array>

namespace claimstorm {
namespace {

constexpr std::array<std::string_view, 4> kVerdictNames = {"holds", "violated", "inconclusive",
                                                           "skipped"};

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
    return kVerdictNames.at(static_cast<std::size_t>(verdict));
}

std::optional<Verdict> verdict_from(std::string_view name) noexcept {
    for (std::size_t i = 0; i < kVerdictNames.size(); ++i) {
        if (kVerdictNames[i] == name) return static_cast<Verdict>(i);
    }
    return std::nullopt;
}

Verdict combine(const std::vector<Finding>& findings, const std::vector<Gate>& gates) noexcept {
    bool any_violated = false;
    bool any_inconclusive = false;
    bool any_holds = false;
    for (const Finding& finding : findings) {
        any_violated |= finding.verdict == Verdict::violated;
        any_inconclusive |= finding.verdict == Verdict::inconclusive;
        any_holds |= finding.verdict == Verdict::holds;
    }
    for (const Gate& gate : gates) {
        any_violated |= gate.verdict == Verdict::violated;
        any_inconclusive |= gate.verdict == Verdict::inconclusive;
        any_holds |= findings.empty() && gate.verdict == Verdict::holds;
    }
    if (any_violated) return Verdict::violated;
    if (any_inconclusive || !any_holds) return Verdict::inconclusive;
    return Verdict::holds;
}

}  // namespace claimstorm
