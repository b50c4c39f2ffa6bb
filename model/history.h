#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "model/names.h"
#include "model/outcome.h"

namespace claimstorm {

/// Nanoseconds since the release, on the monotonic clock.
using TimeNs = std::int64_t;

/// An instant that never came: an attempt without an answer lasts for ever.
inline constexpr TimeNs kNever = std::numeric_limits<TimeNs>::max();

/// A ticket or an amount that the response did not carry.
inline constexpr std::int64_t kNoNumber = std::numeric_limits<std::int64_t>::min();

/// One HTTP request made for a user's claim, as its client saw it. `sent_ns` is stamped before the
/// first write and `done_ns` after the last byte was read; the interval is closed. Of an attempt
/// that was answered pending and then polled, `sent_ns` and `first_byte_ns` are the claim's, and
/// `done_ns` and `http_status` belong to the answer that told its outcome.
struct Attempt {
    UserId user = 0;
    std::uint16_t number = 1;  ///< 1 for a user's first attempt, 2 for the second click …
    Outcome outcome = Outcome::not_sent;
    TransportError transport_error = TransportError::none;
    std::uint16_t http_status = 0;  ///< 0: no status line was read
    TimeNs due_ns = 0;              ///< when the plan wanted it sent
    TimeNs sent_ns = kNever;
    TimeNs first_byte_ns = kNever;
    TimeNs done_ns = kNever;  ///< kNever when no complete response was read
    /// No connection was free when it was due: its lateness is the service's, not the generator's.
    bool waited = false;
    std::uint16_t campaign = 0;  ///< 0: the one that is judged; others beside it stand for the load
    TextRef claim_id = kNoText;
    std::int64_t ticket = kNoNumber;
    std::int64_t amount_cents = kNoNumber;
};

/// Where a history comes from.
enum class HistoryOrigin : std::uint8_t {
    storm,     ///< claimstorm fired it
    imported,  ///< somebody else's log: it says nothing of what generated the load
    none,      ///< nobody recorded anything: the stores are audited alone
};

/// Every attempt of a storm, in the order they were recorded (not sorted by any time).
/// `Attempt::user` and `Attempt::claim_id` point into the tables that belong to the Evidence.
struct History {
    std::vector<Attempt> attempts;
    /// Empty when the file was closed properly; else what is missing, for a person to read.
    std::string missing_tail;
    /// How many connections the storm opened; -1 when the file does not say.
    std::int64_t connections_opened = -1;
    HistoryOrigin origin = HistoryOrigin::storm;
};

}  // namespace claimstorm
