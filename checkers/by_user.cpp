#include "checkers/by_user.h"

#include "checkers/grants.h"

namespace claimstorm {

ByUser grants_by_user(const Evidence& evidence) {
    return {evidence.history.attempts, evidence.users.size(), evidence.texts,
            [](const Attempt& attempt) { return attempt.outcome == Outcome::granted; }};
}

ByUser rows_by_user(const Evidence& evidence, const Reading<Ledger>& ledger) {
    if (!ledger.is_read() || ledger->rows.empty()) return {};
    return {ledger->rows, evidence.users.size(), evidence.texts,
            [](const ClaimRow&) { return true; }};
}

void subtract_rows(const Evidence& evidence, std::span<const ByUser::Index> after,
                   std::span<const ByUser::Index> before, std::vector<ByUser::Index>& added) {
    if (before.empty()) {
        added.insert(added.end(), after.begin(), after.end());
        return;
    }
    auto old = before.begin();
    for (const ByUser::Index at : after) {
        const std::string_view id = row_id(evidence, evidence.after.ledger, at);
        while (old != before.end() && row_id(evidence, evidence.before.ledger, *old) < id) ++old;
        if (old != before.end() && row_id(evidence, evidence.before.ledger, *old) == id) {
            ++old;
        } else {
            added.push_back(at);
        }
    }
}

}  // namespace claimstorm
