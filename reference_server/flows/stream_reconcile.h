#pragma once

#include <nlohmann/json.hpp>

#include "model/campaign.h"
#include "reference_server/context.h"

namespace claimstorm::reference {

/// Takes what `stream_claims` and the stream hold as the truth and sets the rest by it, on a
/// campaign at rest: remaining and the sold-out mark in the campaign's row, and in Redis the
/// counter, the users, the claim ids in the stream and the epoch. Consumers wait meanwhile.
///
/// Repeating it changes nothing more; one that ended halfway is repeated. Returns what it found and
/// what it left. Throws MysqlError, RedisError, EnvironmentError when the campaign has no row.
nlohmann::ordered_json reconcile_stream(Context& context, const Campaign& campaign);

}  // namespace claimstorm::reference
