#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/campaign.h"
#include "model/outcome.h"
#include "reference_server/context.h"
#include "reference_server/flows/claim_stream.h"

namespace claimstorm::reference {

// The table `stream_claims`: what became of each claim that went through a stream. One row a claim
// id and one a user, by unique keys. A claim is granted or refused once; who comes later, with the
// same entry handed out again, finds the row and keeps to it. A refusal carries no user, so that
// the user's key stays free.

/// Makes the table if it is missing.
void create_stream_claims(MysqlConnection& mysql);

/// Which life of the campaign its row is: entries of an earlier one are not stored. Throws
/// EnvironmentError when there is no row.
std::string epoch_of(MysqlConnection& mysql, std::string_view campaign);

/// What is stored of the claim: granted, or what it was refused with; nullopt: nothing yet.
std::optional<Outcome> fate_of(MysqlConnection& mysql, std::string_view campaign,
                               std::string_view claim_id);

/// Decides the claims and stores that, all in one transaction, the stock and the sold-out mark
/// with them; step `before_commit`. Returns each entry's fate, in their order: granted, sold_out,
/// already_claimed, or rejected for an entry of another life of the campaign or of none.
///
/// Repeating it gives the same fates: so a deadlock, a lost connection and even a lost reply to
/// COMMIT are simply tried again, a bounded number of times. Then throws MysqlError.
std::vector<Outcome> store_claims(Context& context, std::string_view campaign,
                                  const std::vector<StreamEntry>& entries);

/// Stores that the claim is refused for good with `rejected`, unless its fate is stored already;
/// returns its fate.
Outcome refuse_claim(MysqlConnection& mysql, std::string_view campaign, std::string_view claim_id);

}  // namespace claimstorm::reference
