// coupon/async-stream/no-idempotence: each delivery of a claim stores a row.
//
//   1. and 2. As in coupon/async-stream: one Lua script takes the unit and puts the claim into the
//      stream; the client is told "pending" and polls.
//   3. A consumer reads a batch.
//   4. One MySQL transaction: a row for each claim, remaining minus their number, the sold-out
//      mark. Nothing is looked for first and no key is unique: the gate has decided, and "the
//      stream delivers each claim once".
//   5. Then it XACKs and XDELs the batch.
//   6. A poll looks for a row with the claim id: "granted", else "pending".
//
// Found in public flash-sale code. A stream with a consumer group delivers at least once, never
// exactly once: that is what acknowledging is for.
//
// Guarantees: every grant told is stored. And one row a claim as long as every batch that is stored
// is acknowledged too, in time.
//
// What breaks it:
//   - A crash, or an exception, between 4 and 5 (failpoint after_commit): the batch is delivered
//     again and stored again. Its users have two rows each; where the campaign sells out there are
//     more rows than stock, `remaining` ends below zero by as many, and so far below what the cache
//     has counted.
//   - A consumer that stalls between 3 and 5 for longer than `idle` (a pause): another one takes
//     the batch over and stores it as well.
//   - A reply to COMMIT that is lost: the transaction is tried again.
#include <chrono>
#include <thread>

#include "reference_server/backoff.h"
#include "reference_server/flows.h"
#include "reference_server/flows/stream_flow.h"

namespace claimstorm::reference {
namespace {

constexpr int kAttempts = 5;

class CouponAsyncStreamNoIdempotence : public StreamFlow {
  public:
    explicit CouponAsyncStreamNoIdempotence(const FlowOptions& options)
        : StreamFlow(options, "stream_deliveries") {}

    void create_schema(Context& context) override {
        StreamFlow::create_schema(context);
        context.mysql().execute_text(
            "CREATE TABLE IF NOT EXISTS stream_deliveries ("
            " id BIGINT AUTO_INCREMENT PRIMARY KEY,"
            " campaign_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
            " claim_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
            " user_id VARBINARY(64) NOT NULL,"
            " KEY campaign_claim (campaign_id, claim_id)"
            ") ENGINE=InnoDB");
    }

    std::optional<ClaimResult> poll(Context& context, const Campaign& campaign,
                                    std::string_view claim_id) override {
        // Step 6.
        const std::string id(claim_id);
        if (!is_claim_id(id)) return ClaimResult{Outcome::rejected};
        const auto row = context.mysql().query_one(
            "SELECT id FROM stream_deliveries WHERE campaign_id = ? AND claim_id = ?",
            {campaign.id, id});
        if (row) return ClaimResult{Outcome::granted, id};
        const bool has_passed = ClaimStream(context, campaign.id).knows(id);
        return ClaimResult{has_passed ? Outcome::pending : Outcome::rejected, id};
    }

  protected:
    void consume(Context& context, ClaimStream& stream, std::string_view campaign,
                 const std::vector<StreamEntry>& entries) override {
        context.step("after_read");
        store(context, campaign, entries);
        context.step("after_commit");

        // Step 5.
        stream.settle(entries);
        context.step("after_ack");
    }

  private:
    static void store(Context& context, std::string_view campaign,
                      const std::vector<StreamEntry>& entries) {
        Backoff backoff(context.random(), std::chrono::milliseconds(1),
                        std::chrono::milliseconds(50));
        for (int attempt = 1;; ++attempt) {
            try {
                return store_once(context, campaign, entries);
            } catch (const MysqlError& error) {
                const bool again =
                    is_deadlock(error) || is_lock_wait_timeout(error) || is_connection_lost(error);
                if (!again || attempt == kAttempts) throw;
            }
            std::this_thread::sleep_for(backoff.next());
        }
    }

    static void store_once(Context& context, std::string_view campaign,
                           const std::vector<StreamEntry>& entries) {
        // Step 4.
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        for (const StreamEntry& entry : entries) {
            mysql.execute(
                "INSERT INTO stream_deliveries (campaign_id, claim_id, user_id) VALUES (?, ?, ?)",
                {campaign, entry.claim_id, entry.user});
        }
        const auto units = static_cast<std::int64_t>(entries.size());
        mysql.execute(
            "UPDATE campaigns SET sold_out = (remaining <= ?), remaining = remaining - ?"
            " WHERE id = ?",
            {units, units, campaign});
        context.step("before_commit");
        transaction.commit();
    }
};

}  // namespace

FlowEntry coupon_async_stream_no_idempotence() {
    FlowEntry entry;
    entry.name = "coupon/async-stream/no-idempotence";
    entry.about = "Every delivery stores a row: a crash before the acknowledgement doubles them.";
    entry.options = stream_options();
    entry.steps = {"after_gate"};
    entry.background_steps = {"after_read", "before_commit", "after_commit", "after_ack"};
    entry.make = make_flow<CouponAsyncStreamNoIdempotence>;
    return entry;
}

}  // namespace claimstorm::reference
