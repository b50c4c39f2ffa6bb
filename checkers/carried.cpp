#include "checkers/carried.h"

#include <fmt/format.h>

#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

/// Adds what there is to say of one column.
void add_note(std::string_view query, std::int64_t without, std::int64_t rows,
              std::string_view what, std::string_view column, std::string_view open,
              std::vector<std::string>& notes) {
    const std::string found = partly_carried(without, rows, what);
    if (found.empty()) return;
    notes.push_back(fmt::format("{}: {}: the column {} there; {}", query, found, column, open));
}

}  // namespace

std::string partly_carried(std::int64_t without, std::int64_t rows, std::string_view what) {
    if (without == 0 || without == rows) return "";
    return fmt::format("{} of {} {} no {}", with_commas(without), counted(rows, "row"),
                       without == 1 ? "has" : "have", what);
}

std::vector<std::string> notes_on_columns(const Snapshot& snapshot) {
    std::vector<std::string> notes;
    if (snapshot.ledger.is_read()) {
        std::int64_t without_id = 0;
        std::int64_t without_ticket = 0;
        std::int64_t without_amount = 0;
        for (const ClaimRow& row : snapshot.ledger->rows) {
            without_id += TextPool::is_empty(row.claim_id) ? 1 : 0;
            without_ticket += row.ticket == kNoNumber ? 1 : 0;
            without_amount += row.amount_cents == kNoNumber ? 1 : 0;
        }
        const auto rows = static_cast<std::int64_t>(snapshot.ledger->rows.size());
        const auto add = [&](std::int64_t without, std::string_view what, std::string_view column,
                             std::string_view open) {
            add_note("mysql.claims", without, rows, what, column, open, notes);
        };
        add(without_id, "claim id", "claim_id is NULL, empty or missing",
            "rows are then counted by their user, not matched");
        add(without_ticket, "ticket", "ticket is NULL or missing",
            "whether these share a number is open");
        add(without_amount, "amount", "amount_cents is NULL or missing",
            "what they add up to is open");
    }
    if (snapshot.payouts.is_read()) {
        std::int64_t without_id = 0;
        std::int64_t without_user = 0;
        for (const PayoutRow& row : snapshot.payouts->rows) {
            without_id += TextPool::is_empty(row.claim_id) ? 1 : 0;
            without_user += row.user == kNoUser ? 1 : 0;
        }
        const auto rows = static_cast<std::int64_t>(snapshot.payouts->rows.size());
        add_note("mysql.payouts", without_id, rows, "claim id",
                 "claim_id is NULL, empty or missing", "these pay no claim that is known", notes);
        add_note("mysql.payouts", without_user, rows, "user", "user is NULL",
                 "whom these paid is not judged", notes);
    }
    return notes;
}

}  // namespace claimstorm
