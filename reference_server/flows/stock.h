#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model/campaign.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {

/// One counter of a campaign's stock: a row that decides, a key in the cache that follows it
/// (cache_counter.h), and a lock that keeps the crowd away from the row.
struct StockCounter {
    std::int64_t number = 0;
    std::string lock_key;
    std::string cache_key;
};

/// How a campaign's stock is laid out in rows, cache keys and locks: the granularity of a lock.
/// Immutable; one object serves all workers.
class Stock {
  public:
    virtual ~Stock() = default;

    virtual void create_schema(Context& context) const = 0;
    /// Puts the counters to their start; the campaign's row is there already.
    virtual void prepare(Context& context, const Campaign& campaign) const = 0;

    /// The counters in the order in which this user's claim tries them: all of them, each once.
    virtual std::vector<StockCounter> counters(const Campaign& campaign,
                                               std::string_view user) const = 0;

    /// First in a claim's transaction, before any plain read: locks the counter's row and whatever
    /// keeps this user's claims apart, and returns what the row holds. From here on plain reads see
    /// every committed claim of this user. Throws MysqlError, EnvironmentError.
    virtual std::int64_t lock_row(MysqlConnection& mysql, const Campaign& campaign,
                                  std::string_view user, const StockCounter& counter) const = 0;
    /// Takes one unit from the locked row. Throws EnvironmentError if there was none.
    virtual void take(MysqlConnection& mysql, const Campaign& campaign,
                      const StockCounter& counter) const = 0;
    /// A counter is empty, and that is committed: sees to the sold-out mark. Repeating it does no
    /// harm. Throws MysqlError.
    virtual void note_empty(MysqlConnection& mysql, const Campaign& campaign) const = 0;

    /// What `Flow` has under these names.
    virtual nlohmann::ordered_json reconcile(Context& context, const Campaign& campaign) const = 0;
    virtual CampaignState state(Context& context, const Campaign& campaign) const = 0;
    virtual void describe(nlohmann::ordered_json& evidence) const = 0;
};

/// The campaign's own row and counter, behind a lock for this campaign or for the whole system.
std::unique_ptr<Stock> make_whole_stock(bool system_wide_lock);

/// The stock in `segments` rows of the table stock_segments, each with a counter and a lock of its
/// own.
std::unique_ptr<Stock> make_segmented_stock(std::int64_t segments);

}  // namespace claimstorm::reference
