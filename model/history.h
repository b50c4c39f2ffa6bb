#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>

#include "model/by_value_iterator.h"
#include "model/names.h"
#include "model/outcome.h"
#include "model/packed_rows.h"

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

/// Attempts, each in as few bytes as it needs (some 30) rather than in the 80 of an Attempt: ten
/// million of them are an ordinary storm. Read like a vector that is const: elements come by value,
/// so `attempts[at].done_ns` and `for (const Attempt& attempt : attempts)` cost no more than the
/// members that are used. To change one, `set` it.
class AttemptList {
  public:
    using value_type = Attempt;
    using const_iterator = ByValueIterator<AttemptList>;

    AttemptList() = default;
    AttemptList(std::initializer_list<Attempt> attempts) {
        for (const Attempt& attempt : attempts) push_back(attempt);
    }

    std::size_t size() const noexcept { return rows_.size(); }
    bool empty() const noexcept { return size() == 0; }
    /// Precondition: `at < size()`. Inlined whatever its size: only then does a caller who uses one
    /// member pay for one column.
    [[gnu::always_inline]] Attempt operator[](std::size_t at) const noexcept;
    /// Precondition: not empty.
    Attempt front() const noexcept { return (*this)[0]; }
    Attempt back() const noexcept { return (*this)[size() - 1]; }
    const_iterator begin() const noexcept { return {this, 0}; }
    const_iterator end() const noexcept { return {this, size()}; }

    void push_back(const Attempt& attempt) { rows_.push_back(packed(attempt)); }
    /// Precondition: `at < size()`.
    void set(std::size_t at, const Attempt& attempt) { rows_.set(at, packed(attempt)); }
    /// Changes the attempt at `at` in place: `update(0, [](Attempt& a) { a.done_ns = 7; })`.
    template <typename Change>
    void update(std::size_t at, Change&& change) {
        Attempt attempt = (*this)[at];
        std::forward<Change>(change)(attempt);
        set(at, attempt);
    }
    /// Drops the attempts from `size` on. Precondition: `size <= size()`.
    void truncate(std::size_t size) { rows_.truncate(size); }

    /// What the attempts take of memory.
    std::size_t bytes() const noexcept { return rows_.bytes(); }

  private:
    enum Column : std::size_t {
        user,
        number,
        answer,  // outcome, transport error and `waited`
        status,
        campaign,
        due,
        sent,  // from here to `done`: from the instant before it that is known
        first_byte,
        done,
        claim_id,
        ticket,
        amount,
    };
    using Rows = PackedRows<std::size_t{amount} + 1>;

    static Rows::Values packed(const Attempt& attempt);

    Rows rows_;
};

inline Attempt AttemptList::operator[](std::size_t at) const noexcept {
    Attempt attempt;
    attempt.user = static_cast<UserId>(rows_.value(user, at));
    attempt.number = static_cast<std::uint16_t>(rows_.value(number, at) + 1);
    const std::uint64_t bits = rows_.value(answer, at);
    attempt.outcome = static_cast<Outcome>(bits & 7U);
    attempt.transport_error = static_cast<TransportError>((bits >> 3) & 15U);
    attempt.waited = (bits >> 7) != 0;
    attempt.http_status = static_cast<std::uint16_t>(rows_.value(status, at));
    attempt.campaign = static_cast<std::uint16_t>(rows_.value(campaign, at));
    attempt.due_ns = value_unless(rows_.value(due, at), kNever, 0);
    TimeNs known = attempt.due_ns;
    const auto next = [&](Column column) {
        const TimeNs instant = value_unless(rows_.value(column, at), kNever, known);
        if (instant != kNever) known = instant;
        return instant;
    };
    attempt.sent_ns = next(sent);
    attempt.first_byte_ns = next(first_byte);
    attempt.done_ns = next(done);
    attempt.claim_id = TextRef{rows_.value(claim_id, at)};
    attempt.ticket = value_unless(rows_.value(ticket, at), kNoNumber, 0);
    attempt.amount_cents = value_unless(rows_.value(amount, at), kNoNumber, 0);
    return attempt;
}

/// Where a history comes from.
enum class HistoryOrigin : std::uint8_t {
    storm,     ///< claimstorm fired it
    imported,  ///< somebody else's log: it says nothing of what generated the load
    none,      ///< nobody recorded anything: the stores are audited alone
};

/// Every attempt of a storm, in the order they were recorded (not sorted by any time).
/// `Attempt::user` and `Attempt::claim_id` point into the tables that belong to the Evidence.
struct History {
    AttemptList attempts;
    /// Empty when the file was closed properly; else what is missing, for a person to read.
    std::string missing_tail;
    /// How many connections the storm opened; -1 when the file does not say.
    std::int64_t connections_opened = -1;
    HistoryOrigin origin = HistoryOrigin::storm;
};

}  // namespace claimstorm
