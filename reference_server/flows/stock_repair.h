#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "model/campaign.h"
#include "reference_server/context.h"

namespace claimstorm::reference {

// What Flow::reconcile does where the database's `remaining` is written in the claims' own
// transactions, so that it is the truth; on a campaign at rest.

/// Sets a counter in the cache; returns whether it held something else or nothing.
bool mend_cache(Context& context, const std::string& key, std::int64_t remaining);

/// Sets the sold-out mark to whether nothing remains; returns whether it said otherwise.
bool mend_sold_out(MysqlConnection& mysql, const Campaign& campaign, std::int64_t remaining);

/// Both, from the campaign's own row: {"remaining": …, "cache_mended": …, "sold_out_mended": …}.
nlohmann::ordered_json reconcile_whole_stock(Context& context, const Campaign& campaign);

}  // namespace claimstorm::reference
