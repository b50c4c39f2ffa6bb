// envelope/id-table: the red-envelope article's own way, as the article writes it.
//
//   Before the event the envelopes HB1 … HBX are made, each with its amount, and an empty id table:
//   id AUTO_INCREMENT from 1, user_id unique.
//   1. A claim is one statement: INSERT the user into the id table.
//   2. A duplicate key: the user has claimed already.
//   3. The id is above X: all envelopes are gone.
//   4. The id is X or below: the envelope of that number is the user's.
//   5. A worker pays it afterwards, from a queue in memory; a payment that fails is tried again.
//   After the event (POST /campaigns/{id}/close) the winners are archived in the envelope table and
//   the id table is dropped.
//
// Follows the red-envelope article. No lock, no counter, one row a claim: it is fast.
//
// Guarantees: never more than X envelopes, never more than Y cents, one envelope a user, no
// envelope to two. AUTO_INCREMENT and the unique key see to that, whatever fails.
//
// What breaks it:
//   - InnoDB takes the next id before it finds the duplicate, and never takes an id back. The
//   second
//     click of each user burns an id, and with it an envelope: all are told "gone" while some are
//     left (undersell, gaps in the numbers). INSERT IGNORE, ON DUPLICATE KEY UPDATE and a rollback
//     burn just the same.
//   - A crash before the worker's payment loses it: the queue was in memory.
//   - A payment whose answer is lost is tried again, without a key to know it by: paid twice.
//   - A claim still under way while the event is closed may get a row that is dropped unarchived.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_id_flow.h"
#include "reference_server/flows/envelope_payouts.h"

namespace claimstorm::reference {
namespace {

class EnvelopeIdTable : public IdTableFlow {
  public:
    using IdTableFlow::IdTableFlow;

    void prepare(Context& context, const Campaign& campaign) override {
        payer_.forget(campaign.id);
        IdTableFlow::prepare(context, campaign);
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        const auto event = events().find(mysql, campaign.id);
        if (!event) return closed();
        std::int64_t id = 0;
        try {
            // Step 1.
            id = static_cast<std::int64_t>(
                mysql
                    .execute(fmt::format("INSERT INTO {} (user_id) VALUES (?)", event->table.name),
                             {user})
                    .insert_id);
        } catch (const MysqlError& error) {
            // Step 2.
            if (is_duplicate_key(error)) return {Outcome::already_claimed};
            if (is_table_gone(error)) return closed();
            throw;
        }
        context.step("after_insert");

        // Steps 3 and 4.
        if (id > campaign.stock) return {Outcome::sold_out};
        const auto cents = amount_in(mysql, campaign.id, id);
        if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", id));

        // Step 5 begins.
        if (!payer_.push({campaign.id, std::string(user), serial_of(id), *cents})) {
            throw EnvironmentError("the queue of payouts is full");
        }
        context.step("after_queue");
        return granted_envelope(id, *cents);
    }

    std::vector<BackgroundWork> background() override {
        return {{"payouts", [this](Context& context, const std::stop_token& stop) {
                     payer_.run(context, stop);
                 }}};
    }

  private:
    MemoryPayer payer_;
};

}  // namespace

FlowEntry envelope_id_table() {
    FlowEntry entry;
    entry.name = "envelope/id-table";
    entry.kind = CampaignKind::envelope;
    entry.about =
        "A claim is an INSERT whose AUTO_INCREMENT id is the envelope: duplicates burn ids.";
    entry.options = {split_option()};
    entry.steps = {"after_insert", "after_queue"};
    entry.background_steps = {"before_payout", "after_payout"};
    entry.make = make_flow<EnvelopeIdTable>;
    return entry;
}

}  // namespace claimstorm::reference
