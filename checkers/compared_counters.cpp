#include "checkers/compared_counters.h"

#include <cstdint>

#include <fmt/format.h>

#include "checkers/signs.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

/// What the database's own counter says of `rows` stored rows.
std::string database_line(std::int64_t stock, std::int64_t rows, std::int64_t remaining) {
    const std::int64_t excess = rows - stock;
    const std::string says = fmt::format("the database's counter says {}", with_commas(remaining));
    if (excess > 0 && remaining == -excess) {
        return fmt::format("{}, one for each row: {}", says, kRelativeDecrement);
    }
    if (excess > 0 && remaining >= 0) {
        return fmt::format("{}, with {} too many: {}", says, counted(excess, "row"),
                           remaining == 0 ? kUnlookedAt : kStaleWrite);
    }
    const std::string leave = fmt::format("and the rows leave {}", with_commas(stock - rows));
    if (stock - remaining < rows) return fmt::format("{}, {}: {}", says, leave, kUpdatesLost);
    if (stock - remaining > rows) {
        return fmt::format("{}, {}: {}", says, leave, kDecrementedForNothing);
    }
    return says + ", as many as the rows leave: it agrees";
}

}  // namespace

std::vector<std::string> compare_counters(const Evidence& evidence) {
    std::vector<std::string> lines;
    const Snapshot& after = evidence.after;
    if (!why_no_rows(evidence).empty()) return lines;
    const auto rows = static_cast<std::int64_t>(after.ledger->rows.size());
    if (!after.remaining.is_read()) return lines;
    lines.push_back(database_line(evidence.campaign.stock, rows, *after.remaining));
    if (!after.cache_remaining.is_read()) return lines;
    const std::int64_t queued = after.backlog.is_read() ? *after.backlog : 0;
    const std::int64_t cache = *after.cache_remaining + queued;
    const std::string says = fmt::format("the cache{} says {}",
                                         queued == 0 ? "" : " with its queue", with_commas(cache));
    if (cache < *after.remaining) {
        lines.push_back(fmt::format("{}, {} below the database: {}", says,
                                    with_commas(*after.remaining - cache), kBurntDeductions));
    } else if (cache > *after.remaining) {
        lines.push_back(fmt::format("{}, {} above the database: {}", says,
                                    with_commas(cache - *after.remaining), kRefilled));
    } else {
        lines.push_back(fmt::format("{}, like the database: {}", says, kSameSteps));
    }
    return lines;
}

}  // namespace claimstorm
