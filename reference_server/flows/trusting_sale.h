#pragma once

#include <functional>
#include <string_view>

#include "model/campaign.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {

/// What a claim does inside its lock when it trusts the lock, shared by the flows whose defect is
/// the lock itself:
///
///   - One transaction: read the coupon and the user's claims again, plainly; store "what I read,
///     minus one", with the sold-out mark at zero; the claim row; COMMIT.
///   - Set the cache to what was stored.
///
/// Right as long as nobody else is between its first read and the end. Two at once read the same
/// number and store the same number: one unit is sold twice, and both counters hide it.
///
/// Steps: after_recheck, before_commit, after_commit. `written` is called when all is written but
/// not committed; it may be empty. Throws EnvironmentError when the database failed.
ClaimResult sell_trusting_the_lock(Context& context, const Campaign& campaign,
                                   std::string_view user,
                                   const std::function<void()>& written = {});

}  // namespace claimstorm::reference
