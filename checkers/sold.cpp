#include "checkers/sold.h"

#include <fmt/format.h>

#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {

std::optional<Finding> unless_sold_is_known(std::string_view check, const Evidence& evidence) {
    const Snapshot& after = evidence.after;
    if (auto finding = unless_read(check, after.ledger, "claims query")) return finding;
    if (after.backlog.is_named()) {
        if (auto finding = unless_read(check, after.backlog, "backlog")) return finding;
    }
    return unless_settled(check, evidence);
}

Sold sold_at_rest(const Evidence& evidence) {
    const Snapshot& after = evidence.after;
    return {static_cast<std::int64_t>(after.ledger->rows.size()),
            after.backlog.is_read() ? *after.backlog : 0};
}

std::string in_words(const Sold& sold) {
    std::string words = counted(sold.rows, "row");
    if (sold.queued != 0) words += fmt::format(" and {} queued", with_commas(sold.queued));
    return words;
}

}  // namespace claimstorm
