#include "reference_server/flows/stream_claims.h"

#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/backoff.h"

namespace claimstorm::reference {
namespace {

constexpr int kAttempts = 5;

Outcome outcome_of(const std::string& stored) {
    const auto outcome = outcome_from(stored);
    if (!outcome) {
        throw EnvironmentError(fmt::format("stream_claims holds an outcome '{}'", stored));
    }
    return *outcome;
}

/// The campaign's row, locked: whoever stores claims of a campaign does it alone, and sees what
/// the one before has stored.
struct LockedCampaign {
    std::int64_t remaining = 0;
    std::string epoch;  // "" when there is no row
};

LockedCampaign lock_campaign(MysqlConnection& mysql, std::string_view campaign) {
    const auto row = mysql.query_one(
        "SELECT remaining, created_at FROM campaigns WHERE id = ? FOR UPDATE", {campaign});
    if (!row) return {};
    return {row->int64("remaining"), row->text("created_at")};
}

/// The fates of a batch, decided one after the other inside its transaction.
class Batch {
  public:
    Batch(MysqlConnection& mysql, std::string_view campaign)
        : mysql_(mysql), campaign_(campaign), locked_(lock_campaign(mysql, campaign)) {}

    /// The entry's fate: as stored, or decided now and stored.
    Outcome decide(const StreamEntry& entry) {
        if (entry.epoch.empty() || entry.epoch != locked_.epoch) return Outcome::rejected;
        const auto known = mysql_.query_one(
            "SELECT EXISTS (SELECT 1 FROM stream_claims WHERE campaign_id = ? AND user_id = ?)"
            " AS has_one,"
            " (SELECT outcome FROM stream_claims WHERE campaign_id = ? AND claim_id = ?) AS fate",
            {campaign_, entry.user, campaign_, entry.claim_id});
        if (!known->is_null("fate")) return outcome_of(known->text("fate"));
        const Outcome fate = known->int64("has_one") != 0        ? Outcome::already_claimed
                             : granted_now_ >= locked_.remaining ? Outcome::sold_out
                                                                 : Outcome::granted;
        if (fate == Outcome::granted) ++granted_now_;
        insert(entry, fate);
        return fate;
    }

    void take_units() {
        if (granted_now_ == 0) return;
        mysql_.execute(
            "UPDATE campaigns SET sold_out = (remaining = ?), remaining = remaining - ?"
            " WHERE id = ?",
            {granted_now_, granted_now_, campaign_});
    }

  private:
    void insert(const StreamEntry& entry, Outcome fate) {
        const MysqlValue user = fate == Outcome::granted ? MysqlValue(std::string_view(entry.user))
                                                         : MysqlValue(nullptr);
        mysql_.execute(
            "INSERT INTO stream_claims (campaign_id, claim_id, user_id, outcome)"
            " VALUES (?, ?, ?, ?)",
            {campaign_, entry.claim_id, user, to_string(fate)});
    }

    MysqlConnection& mysql_;
    std::string_view campaign_;
    LockedCampaign locked_;
    std::int64_t granted_now_ = 0;
};

std::vector<Outcome> store_once(Context& context, std::string_view campaign,
                                const std::vector<StreamEntry>& entries) {
    MysqlConnection& mysql = context.mysql();
    Transaction transaction(mysql);
    Batch batch(mysql, campaign);
    std::vector<Outcome> fates;
    fates.reserve(entries.size());
    for (const StreamEntry& entry : entries) fates.push_back(batch.decide(entry));
    batch.take_units();
    context.step("before_commit");
    transaction.commit();
    return fates;
}

/// A duplicate key among them: a poll has refused the claim since this transaction looked.
bool is_worth_repeating(const MysqlError& error) {
    return is_deadlock(error) || is_lock_wait_timeout(error) || is_connection_lost(error) ||
           is_duplicate_key(error);
}

}  // namespace

void create_stream_claims(MysqlConnection& mysql) {
    mysql.execute_text(
        "CREATE TABLE IF NOT EXISTS stream_claims ("
        " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
        " claim_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
        " user_id VARBINARY(64) NULL,"
        " outcome VARCHAR(16) NOT NULL,"
        " created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),"
        " PRIMARY KEY (campaign_id, claim_id),"
        " UNIQUE KEY campaign_user (campaign_id, user_id)"
        ") ENGINE=InnoDB");
}

std::string epoch_of(MysqlConnection& mysql, std::string_view campaign) {
    const auto row = mysql.query_one("SELECT created_at FROM campaigns WHERE id = ?", {campaign});
    if (!row) throw EnvironmentError(fmt::format("the campaign '{}' has no row", campaign));
    return row->text("created_at");
}

std::optional<Outcome> fate_of(MysqlConnection& mysql, std::string_view campaign,
                               std::string_view claim_id) {
    const auto row =
        mysql.query_one("SELECT outcome FROM stream_claims WHERE campaign_id = ? AND claim_id = ?",
                        {campaign, claim_id});
    if (!row) return std::nullopt;
    return outcome_of(row->text("outcome"));
}

std::vector<Outcome> store_claims(Context& context, std::string_view campaign,
                                  const std::vector<StreamEntry>& entries) {
    Backoff backoff(context.random(), std::chrono::milliseconds(1), std::chrono::milliseconds(50));
    for (int attempt = 1;; ++attempt) {
        try {
            return store_once(context, campaign, entries);
        } catch (const MysqlError& error) {
            if (!is_worth_repeating(error) || attempt == kAttempts) throw;
        }
        std::this_thread::sleep_for(backoff.next());
    }
}

Outcome refuse_claim(MysqlConnection& mysql, std::string_view campaign, std::string_view claim_id) {
    // IGNORE leaves a fate that is stored, or just being stored: the key makes this one wait.
    mysql.execute(
        "INSERT IGNORE INTO stream_claims (campaign_id, claim_id, user_id, outcome)"
        " VALUES (?, ?, NULL, ?)",
        {campaign, claim_id, to_string(Outcome::rejected)});
    return fate_of(mysql, campaign, claim_id).value();
}

}  // namespace claimstorm::reference
