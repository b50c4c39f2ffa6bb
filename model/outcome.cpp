#include "model/outcome.h"

namespace claimstorm {
namespace {

constexpr std::array<std::string_view, kOutcomes.size()> kOutcomeNames = {
    "granted",  "sold_out", "already_claimed", "throttled",
    "rejected", "pending",  "unknown",         "not_sent"};

constexpr std::array<std::string_view, kTransportErrors.size()> kErrorNames = {
    "none",         "connect_refused", "connect_timeout",  "connect_failed",
    "send_failed",  "reset",           "closed_early",     "timeout",
    "bad_response", "body_too_large",  "header_too_large", "cancelled",
    "hung_up",      "tls_failed"};

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i) {
        if (names[i] == name) return static_cast<Enum>(i);
    }
    return std::nullopt;
}

}  // namespace

std::string_view to_string(Outcome outcome) noexcept {
    return kOutcomeNames.at(static_cast<std::size_t>(outcome));
}

std::string_view to_string(TransportError error) noexcept {
    return kErrorNames.at(static_cast<std::size_t>(error));
}

std::optional<Outcome> outcome_from(std::string_view name) noexcept {
    return find_name<Outcome>(kOutcomeNames, name);
}

std::optional<TransportError> transport_error_from(std::string_view name) noexcept {
    return find_name<TransportError>(kErrorNames, name);
}

}  // namespace claimstorm
