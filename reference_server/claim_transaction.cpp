#include "reference_server/claim_transaction.h"

#include <chrono>
#include <thread>

#include "reference_server/backoff.h"

namespace claimstorm::reference {
namespace {

constexpr int kAttempts = 5;

/// Whether the row is there once nobody is working on it any more; nullopt when that stays open.
std::optional<bool> is_stored(Context& context, std::uint64_t claim_id, const ReadBack& read_back) {
    try {
        return read_back(context.mysql(), claim_id);
    } catch (const MysqlError&) {
        return std::nullopt;
    }
}

}  // namespace

ReadBack is_in_claims(const Campaign& campaign, std::string_view user) {
    return [&campaign, user](MysqlConnection& mysql, std::uint64_t claim_id) {
        return mysql
            .query_one(
                "SELECT id FROM claims WHERE id = ? AND campaign_id = ? AND user_id = ?"
                " LOCK IN SHARE MODE",
                {static_cast<std::int64_t>(claim_id), campaign.id, user})
            .has_value();
    };
}

ClaimTransaction run_claim_transaction(
    Context& context, const std::function<std::optional<std::uint64_t>(MysqlConnection&)>& body,
    const ReadBack& read_back) {
    Backoff backoff(context.random(), std::chrono::milliseconds(1), std::chrono::milliseconds(50));
    ClaimTransaction end{Fate::rolled_back, 0, {}, true};
    for (int attempt = 1; attempt <= kAttempts; ++attempt) {
        std::optional<std::uint64_t> claim_id;
        try {
            MysqlConnection& mysql = context.mysql();
            Transaction transaction(mysql);
            claim_id = body(mysql);
            if (!claim_id) {
                transaction.rollback();
                return {Fate::refused, 0, {}, false};
            }
            transaction.commit();
            return {Fate::committed, *claim_id, {}, false};
        } catch (const MysqlError& error) {
            end.why = error.what();
            const bool contended = is_deadlock(error) || is_lock_wait_timeout(error);
            end.contended = end.contended && contended;
            if (is_connection_lost(error) && claim_id) {
                const auto stored = is_stored(context, *claim_id, read_back);
                if (!stored) return {Fate::unknown, 0, end.why, false};
                if (*stored) return {Fate::committed, *claim_id, {}, false};
            } else if (!contended && !is_connection_lost(error)) {
                return end;
            }
        }
        if (attempt < kAttempts) std::this_thread::sleep_for(backoff.next());
    }
    return end;
}

}  // namespace claimstorm::reference
