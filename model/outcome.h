#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace claimstorm {

/// What the client of one attempt was told. Stored as a byte in history.bin: append, never
/// renumber.
enum class Outcome : std::uint8_t {
    granted = 0,
    sold_out = 1,
    already_claimed = 2,
    throttled = 3,
    rejected = 4,
    pending = 5,   ///< accepted, result never polled to its end
    unknown = 6,   ///< the request may or may not have taken effect
    not_sent = 7,  ///< no byte left this machine
};

inline constexpr std::array kOutcomes = {
    Outcome::granted,  Outcome::sold_out, Outcome::already_claimed, Outcome::throttled,
    Outcome::rejected, Outcome::pending,  Outcome::unknown,         Outcome::not_sent};

/// Why an attempt has no usable response. Stored as a byte in history.bin: append, never renumber.
enum class TransportError : std::uint8_t {
    none = 0,
    connect_refused = 1,
    connect_timeout = 2,
    connect_failed = 3,
    send_failed = 4,        ///< the first write failed, no byte left
    reset = 5,              ///< the connection broke after bytes had left
    closed_early = 6,       ///< end of stream before the response was complete
    timeout = 7,            ///< no complete response within the attempt's timeout
    bad_response = 8,       ///< the response was not HTTP
    body_too_large = 9,     ///< the response body went beyond what is kept
    header_too_large = 10,  ///< the response header went beyond what is read
    cancelled = 11,         ///< the run was interrupted
    hung_up = 12,           ///< the user had been planned to close the connection
    tls_failed = 13,        ///< no TLS could be agreed on, or what came was none
};

inline constexpr std::array kTransportErrors = {TransportError::none,
                                                TransportError::connect_refused,
                                                TransportError::connect_timeout,
                                                TransportError::connect_failed,
                                                TransportError::send_failed,
                                                TransportError::reset,
                                                TransportError::closed_early,
                                                TransportError::timeout,
                                                TransportError::bad_response,
                                                TransportError::body_too_large,
                                                TransportError::header_too_large,
                                                TransportError::cancelled,
                                                TransportError::hung_up,
                                                TransportError::tls_failed};

/// The names used in scenario files, results and exports, e.g. "sold_out".
std::string_view to_string(Outcome outcome) noexcept;
std::string_view to_string(TransportError error) noexcept;
std::optional<Outcome> outcome_from(std::string_view name) noexcept;
std::optional<TransportError> transport_error_from(std::string_view name) noexcept;

/// An attempt that may have taken effect although its client does not know: it is resolved by
/// looking whether its user has a row, which says whether, never when.
constexpr bool is_indeterminate(Outcome outcome) noexcept {
    return outcome == Outcome::unknown || outcome == Outcome::pending;
}

}  // namespace claimstorm
