#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "model/by_value_iterator.h"
#include "model/history.h"
#include "model/names.h"
#include "model/packed_rows.h"

namespace claimstorm {

/// One stored claim. `user` and `claim_id` point into the Evidence's tables.
struct ClaimRow {
    UserId user = 0;
    TextRef claim_id = kNoText;
    std::int64_t ticket = kNoNumber;
    std::int64_t amount_cents = kNoNumber;
};

/// Claim rows, each in as few bytes as it needs (some 8 without ticket and amount) rather than in
/// the 32 of a ClaimRow. Read like a vector that is const, as an AttemptList is.
class ClaimRowList {
  public:
    using value_type = ClaimRow;
    using const_iterator = ByValueIterator<ClaimRowList>;

    ClaimRowList() = default;
    ClaimRowList(std::initializer_list<ClaimRow> rows) {
        for (const ClaimRow& row : rows) push_back(row);
    }

    std::size_t size() const noexcept { return rows_.size(); }
    bool empty() const noexcept { return size() == 0; }
    /// Precondition: `at < size()`.
    [[gnu::always_inline]] ClaimRow operator[](std::size_t at) const noexcept {
        return {static_cast<UserId>(rows_.value(user, at)), TextRef{rows_.value(claim_id, at)},
                value_unless(rows_.value(ticket, at), kNoNumber, 0),
                value_unless(rows_.value(amount, at), kNoNumber, 0)};
    }
    /// Precondition: not empty.
    ClaimRow front() const noexcept { return (*this)[0]; }
    ClaimRow back() const noexcept { return (*this)[size() - 1]; }
    const_iterator begin() const noexcept { return {this, 0}; }
    const_iterator end() const noexcept { return {this, size()}; }

    void push_back(const ClaimRow& row) { rows_.push_back(packed(row)); }
    /// Precondition: `at < size()`.
    void set(std::size_t at, const ClaimRow& row) { rows_.set(at, packed(row)); }
    /// Changes the row at `at` in place: `update(0, [](ClaimRow& row) { row.ticket = 7; })`.
    template <typename Change>
    void update(std::size_t at, Change&& change) {
        ClaimRow row = (*this)[at];
        std::forward<Change>(change)(row);
        set(at, row);
    }

    /// What the rows take of memory.
    std::size_t bytes() const noexcept { return rows_.bytes(); }

  private:
    enum Column : std::size_t { user, claim_id, ticket, amount };
    using Rows = PackedRows<std::size_t{amount} + 1>;

    static Rows::Values packed(const ClaimRow& row) {
        return {row.user, static_cast<std::uint64_t>(row.claim_id),
                code_unless(row.ticket, kNoNumber, 0), code_unless(row.amount_cents, kNoNumber, 0)};
    }

    Rows rows_;
};

/// All claim rows of the campaign.
struct Ledger {
    ClaimRowList rows;
};

}  // namespace claimstorm
