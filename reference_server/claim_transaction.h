#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "model/campaign.h"
#include "reference_server/context.h"

namespace claimstorm::reference {

/// How a claim's transaction ended.
enum class Fate : std::uint8_t {
    committed,
    refused,      ///< the body decided against it; rolled back
    rolled_back,  ///< the database failed; nothing of it is stored, nor ever will be
    unknown,      ///< COMMIT was sent, its reply never came, and reading back did not work either
};

struct ClaimTransaction {
    Fate fate = Fate::unknown;
    std::uint64_t claim_id = 0;  ///< the claim row's id, when committed
    std::string why;             ///< the last error of a transaction that failed
    /// Rolled back because every try met a deadlock or a lock wait timeout: the same claim may well
    /// succeed a moment later.
    bool contended = false;
};

/// Whether the claim of that id is stored, found out with a locking read once COMMIT's reply was
/// lost. The id alone does not prove it: a database that crashed may give an id again whose row was
/// not stored, to somebody else. So it asks for the campaign and the user too.
using ReadBack = std::function<bool(MysqlConnection&, std::uint64_t claim_id)>;

/// The read-back for this user's claim in the table `claims`. Holds references to both.
ReadBack is_in_claims(const Campaign& campaign, std::string_view user);

/// Runs `body` in a transaction of its own and commits. `body` stores the claim and returns its
/// row's id (or whatever `read_back` finds it by), or returns nullopt to refuse; it may run several
/// times, each time on a fresh transaction.
///
/// A deadlock (1213), a lock wait timeout (1205) or a connection lost before COMMIT ends the whole
/// transaction and is tried again, a bounded number of times. When COMMIT's reply is lost, the row
/// is looked for with a locking read, which waits until the old session has committed or rolled
/// back: a plain read could miss a commit that is still under way.
///
/// What `body` throws, other than MysqlError, goes through after a rollback.
ClaimTransaction run_claim_transaction(
    Context& context, const std::function<std::optional<std::uint64_t>(MysqlConnection&)>& body,
    const ReadBack& read_back);

}  // namespace claimstorm::reference
