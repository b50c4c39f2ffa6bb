#pragma once

#include <cstdint>
#include <string_view>

#include "model/campaign.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/context.h"
#include "reference_server/flow.h"

namespace claimstorm::reference {

/// What step 1 of the article learns: "read the coupon: status, remaining, has this user claimed".
struct CouponAsRead {
    std::int64_t cache_remaining = 0;     ///< from the cache
    std::int64_t database_remaining = 0;  ///< from the coupon's row
    bool sold_out = false;                ///< the status in the coupon's row
    bool user_has_claimed = false;        ///< the user's claims have reached `per_user`
};

/// Three plain reads, one behind the other, without any lock.
CouponAsRead read_coupon(Context& context, const Campaign& campaign, std::string_view user);

/// How many claims of the user the connection sees; inside a transaction, as the transaction does.
std::int64_t claims_of(MysqlConnection& mysql, const Campaign& campaign, std::string_view user);

/// What the coupon's row holds, by a plain read: outside a transaction, what is committed.
std::int64_t database_remaining(MysqlConnection& mysql, const Campaign& campaign);

/// Adds the claim's row and returns its id.
std::uint64_t insert_claim(MysqlConnection& mysql, const Campaign& campaign, std::string_view user);

/// The answer for a stored claim.
ClaimResult granted(std::uint64_t claim_id);

/// The answer for a transaction: granted; `refusal`, which its body decided on; throttled, when it
/// gave way to others on every try and nothing is stored. Throws EnvironmentError where the client
/// must be told 500: the database failed, or what became of the claim stays unknown.
ClaimResult answer(const ClaimTransaction& stored, Outcome refusal);

}  // namespace claimstorm::reference
