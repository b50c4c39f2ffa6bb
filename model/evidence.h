#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/campaign.h"
#include "model/history.h"
#include "model/ledger.h"
#include "model/names.h"

namespace claimstorm {

/// The target file names no way to read this.
struct NotNamed {};

/// The target file names it, but it could not be read; `why` is for a person.
struct Unreadable {
    std::string why;
    /// The store answered, and holds nothing there: a cache key that is not set (yet, or any more).
    bool absent = false;
};

/// A piece of evidence: never named, named but unreadable, or read.
template <typename T>
class Reading {
  public:
    Reading() = default;
    Reading(T value) : state_(std::move(value)) {}  // NOLINT: conversion is the point
    Reading(Unreadable unreadable) : state_(std::move(unreadable)) {}  // NOLINT

    bool is_named() const noexcept { return !std::holds_alternative<NotNamed>(state_); }
    bool is_read() const noexcept { return std::holds_alternative<T>(state_); }
    /// Why it could not be read. Precondition: named and not read.
    const std::string& why() const { return std::get<Unreadable>(state_).why; }
    bool is_absent() const noexcept {
        const auto* unreadable = std::get_if<Unreadable>(&state_);
        return unreadable != nullptr && unreadable->absent;
    }
    /// Precondition: `is_read()`.
    const T& value() const { return std::get<T>(state_); }
    T& value() { return std::get<T>(state_); }
    const T& operator*() const { return value(); }
    const T* operator->() const { return &value(); }

  private:
    std::variant<NotNamed, Unreadable, T> state_;
};

/// One payout that was executed.
struct PayoutRow {
    TextRef claim_id = kNoText;  ///< the claim it pays; kNoText when it names none
    std::int64_t amount_cents = 0;
    UserId user = kNoUser;  ///< who got it; kNoUser when the query does not say
};

/// All payouts of the campaign.
struct Payouts {
    std::vector<PayoutRow> rows;
};

/// A lock key found in Redis.
struct LockSeen {
    std::string key;
    std::int64_t pttl_ms = 0;  ///< -1: it never expires
};

/// What both stores held at one moment. Counters are those of this campaign alone.
struct Snapshot {
    Reading<Ledger> ledger;                    ///< mysql.claims
    Reading<std::int64_t> stock;               ///< mysql.stock, column `stock`
    Reading<std::int64_t> remaining;           ///< mysql.stock, column `remaining`
    Reading<bool> sold_out;                    ///< mysql.stock, column `sold_out`
    Reading<Payouts> payouts;                  ///< mysql.payouts
    Reading<std::int64_t> cache_remaining;     ///< redis.remaining, several values summed
    Reading<std::vector<UserId>> cache_users;  ///< redis.users
    Reading<std::vector<LockSeen>> locks;      ///< redis.locks: those held at that moment
    Reading<std::int64_t> backlog;             ///< redis.backlog: claims accepted, not yet stored
};

/// The stores' counters at one moment of the storm, read while it ran. The backlog is read on both
/// sides of the rows, because claims go from it to them: what it held before and the rows after it
/// miss no claim that is in either.
struct StoreSample {
    TimeNs begun_ns = 0;                    ///< stamped before the first reading was asked for
    TimeNs ended_ns = 0;                    ///< stamped after the last answer was complete
    Reading<std::int64_t> backlog_before;   ///< redis.backlog, before the rows were counted
    Reading<std::int64_t> rows;             ///< of mysql.claims
    Reading<std::int64_t> backlog_after;    ///< redis.backlog, after the rows were counted
    Reading<std::int64_t> cache_remaining;  ///< redis.remaining
    /// False when the backlog is a sum whose parts were read one after the other: what went from
    /// one to another meanwhile may have been counted twice or not at all.
    bool backlog_at_once = true;
};

/// Whether the stores had come to rest before the final snapshot was taken.
struct Settlement {
    bool settled = false;
    std::chrono::milliseconds waited{0};
    std::string why_not;  ///< for a person; empty when settled
};

/// A fault that the run injected into its target, and how often.
struct FaultSeen {
    std::string step;
    std::string rule;  ///< "crash@3"
    std::int64_t hits = 0;
    std::int64_t fired = 0;
};

/// Everything a check may look at.
struct Evidence {
    Campaign campaign;
    Names users;
    TextPool texts;
    History history;
    Snapshot before;
    Snapshot after;
    Settlement settlement;
    /// In the order of time, none begun before the one ahead of it had ended. No value: the stores
    /// were not watched while the storm ran.
    std::optional<std::vector<StoreSample>> samples;
    std::vector<FaultSeen> faults;
    std::string faults_unknown;  ///< why the target could not say which fired; empty: it did
    std::string finish_failed;   ///< why the finish steps were not all done; empty: they were
    /// After how long the target's locks expire (redis.lock_ttl); none: it has no lock, or does not
    /// say. Only used to tell what an excess comes from.
    std::optional<std::chrono::milliseconds> lock_ttl;
    /// False when the run ended before its stores were read: then nothing about them is known,
    /// whatever the target names.
    bool audited = true;
    /// False when nobody read the stores before the storm: then they are taken to have been empty.
    bool has_baseline = true;
};

}  // namespace claimstorm
