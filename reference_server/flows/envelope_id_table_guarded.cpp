// envelope/id-table/guarded: the id table without the burn, and payouts that cannot be lost.
//
//   Before the event: the envelopes HB1 … HBX with their amounts, an empty id table.
//   1. Look: once all numbers are known to be taken, nobody is let in any more; whoever has an
//      order has an envelope.
//   2. In one MySQL transaction, while the event is open:
//      a. INSERT the user's order, the outbox row; its primary key refuses a second claim of the
//         user before any id is taken, and lets the second of two clicks wait for the first.
//      b. INSERT into the id table: the id is the number. Nothing that follows can be refused: it
//         touches only rows this transaction holds.
//      c. Write envelope and amount into the order. COMMIT.
//   3. The id is above X: roll back. Then, in a second transaction, try each number up to X that
//      has no committed owner by inserting it as it is: that waits for whoever holds the number.
//      Those who held one commit, and it is theirs; or they fail, and it is ours.
//      Only whoever has found every number committed is told "gone".
//   4. A worker pays from the outbox; the envelope's serial is the payment's idempotency key.
//   After the event (POST /campaigns/{id}/close) the winners are archived in the envelope table and
//   the id table is dropped, once no claim is under way in it.
//
// Follows the red-envelope article's id table, with "look first, insert only when new".
//
// Guarantees: never more than X envelopes, never more than Y cents, exactly Y when all X are taken;
// one envelope a user, no envelope to two, and none left over: nobody is told "gone" while an
// envelope is, or may become, free. Each envelope is paid exactly once. Why it holds:
//   - A rollback burns an id as surely as a duplicate does, so a burnt number cannot be ruled out
//     (a deadlock's victim, a crash, a lost connection). It is handed out again by step 3 instead.
//     The primary key is the judge: whoever meets a number that has just been handed out so takes
//     the next.
//   - The order is committed with the claim, so no crash can come between the two.
//   - A lost reply to COMMIT is settled by reading the order back.
//
// An exception, or a crash, up to before_commit rolls everything back: the number goes to a later
// claim; to none, if no claim comes later. Afterwards it is a stored claim whose client was told
// 500 or nothing. A pause holds up those who need that number, for up to the lock wait timeout. A
// lost answer is a stored claim; a payment whose answer was lost is asked for again by its key.
// Nothing gets out of step, so there is nothing to reconcile.
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_id_flow.h"
#include "reference_server/flows/envelope_payouts.h"

namespace claimstorm::reference {
namespace {

/// The ids that may turn out to be handed out already: as many as there are claims under way.
constexpr int kInsertAttempts = 1000;

/// One claim on its way through its transactions.
struct Attempt {
    Context& context;
    const Campaign& campaign;
    std::string user;
    OpenEvent& event;
    // What the last transaction came to.
    bool is_over = false;  ///< the table is not the event's, or not any more
    ClaimResult refusal = {Outcome::sold_out};
    std::int64_t number = 0;
    std::int64_t cents = 0;
};

PayoutOrder order_of(const Attempt& attempt) {
    return {attempt.campaign.id, attempt.user, serial_of(attempt.number), attempt.cents};
}

/// The id of a row for the user, or nullopt when the id in question has an owner.
std::optional<std::int64_t> insert_id(MysqlConnection& mysql, const Attempt& attempt,
                                      std::optional<std::int64_t> id) {
    try {
        const MysqlValue wanted = id ? MysqlValue(*id) : MysqlValue(nullptr);
        const MysqlDone done = mysql.execute(
            fmt::format("INSERT INTO {} (id, user_id) VALUES (?, ?)", attempt.event.table.name),
            {wanted, attempt.user});
        return id ? *id : static_cast<std::int64_t>(done.insert_id);
    } catch (const MysqlError& error) {
        if (!is_duplicate_key(error)) throw;
        return std::nullopt;
    }
}

/// Step 2b: the next id, past those that step 3 has handed out.
std::optional<std::int64_t> next_number(MysqlConnection& mysql, const Attempt& attempt) {
    for (int i = 0; i < kInsertAttempts; ++i) {
        const auto id = insert_id(mysql, attempt, std::nullopt);
        if (!id) continue;
        if (*id <= attempt.campaign.stock) return id;
        return std::nullopt;
    }
    throw EnvironmentError("all ids offered had an owner");
}

/// Step 3: a number that has no owner once all who are at work have ended.
std::optional<std::int64_t> number_left_over(MysqlConnection& mysql, const Attempt& attempt) {
    const auto free =
        mysql.query(fmt::format("SELECT e.number FROM envelopes e LEFT JOIN {} i ON i.id = e.number"
                                " WHERE e.campaign_id = ? AND i.id IS NULL ORDER BY e.number",
                                attempt.event.table.name),
                    {attempt.campaign.id});
    for (const auto& row : free) {
        if (const auto id = insert_id(mysql, attempt, row.int64("number"))) return id;
    }
    // Each was committed before this transaction looked, or has been since.
    attempt.event.all_gone = true;
    return std::nullopt;
}

using FindNumber = std::optional<std::int64_t> (*)(MysqlConnection&, const Attempt&);

/// Step 2 with either way to a number.
std::optional<std::uint64_t> store(MysqlConnection& mysql, Attempt& attempt, FindNumber find) {
    const Campaign& campaign = attempt.campaign;
    attempt.is_over = !is_open(mysql, attempt.event.table, campaign.id);
    if (attempt.is_over) return std::nullopt;
    attempt.refusal = {Outcome::already_claimed};
    if (!insert_order(mysql, campaign.id, attempt.user)) return std::nullopt;
    attempt.context.step("after_order");
    attempt.refusal = {Outcome::sold_out};
    const auto number = find(mysql, attempt);
    attempt.context.step("after_id");
    if (!number) return std::nullopt;
    const auto cents = amount_in(mysql, campaign.id, *number);
    if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", *number));
    attempt.number = *number;
    attempt.cents = *cents;
    complete_order(mysql, order_of(attempt));
    attempt.context.step("before_commit");
    return static_cast<std::uint64_t>(*number);
}

ClaimTransaction run(Attempt& attempt, FindNumber find) {
    return run_claim_transaction(
        attempt.context, [&](MysqlConnection& mysql) { return store(mysql, attempt, find); },
        [&](MysqlConnection& mysql, std::uint64_t) {
            return is_ordered(mysql, order_of(attempt));
        });
}

class EnvelopeIdTableGuarded : public IdTableFlow {
  public:
    using IdTableFlow::IdTableFlow;

    void prepare(Context& context, const Campaign& campaign) override {
        const auto nobody_pays = payer_.hold();
        IdTableFlow::prepare(context, campaign);
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // What this process remembers may be the table of the campaign's former life, where it was
        // put to its start by another server, or between a claim's look into the registry and its
        // remembering. The second look is into the registry.
        for (int looks = 0; looks < 2; ++looks) {
            const auto event = events().find(context.mysql(), campaign.id);
            if (!event) return closed();
            if (const auto result = claim_in(*event, context, campaign, user)) return *result;
            events().forget(campaign.id);
        }
        return closed();
    }

    std::vector<BackgroundWork> background() override {
        return {{"payouts", [this](Context& context, const std::stop_token& stop) {
                     payer_.run(context, stop);
                 }}};
    }

  private:
    /// What the client is told; nullopt when the event does not have that table any more.
    static std::optional<ClaimResult> claim_in(OpenEvent& event, Context& context,
                                               const Campaign& campaign, std::string_view user) {
        // Step 1. In this order: once all are gone, whoever has an envelope has his order too.
        const bool all_gone = event.all_gone;
        if (has_order(context.mysql(), campaign.id, user)) {
            return ClaimResult{Outcome::already_claimed};
        }
        if (all_gone) return ClaimResult{Outcome::sold_out};
        context.step("after_read");

        // Steps 2 and 3.
        Attempt attempt{context, campaign, std::string(user), event};
        ClaimTransaction stored = run(attempt, next_number);
        const bool is_past_last = !attempt.is_over && attempt.refusal.outcome == Outcome::sold_out;
        if (stored.fate == Fate::refused && is_past_last) stored = run(attempt, number_left_over);
        if (stored.fate == Fate::refused && attempt.is_over) return std::nullopt;
        if (stored.fate == Fate::refused) return attempt.refusal;
        if (stored.fate != Fate::committed) return failed_envelope(stored);
        context.step("after_commit");
        return granted_envelope(attempt.number, attempt.cents);
    }

    OutboxPayer payer_{std::chrono::milliseconds(0)};
};

}  // namespace

FlowEntry envelope_id_table_guarded() {
    FlowEntry entry;
    entry.name = "envelope/id-table/guarded";
    entry.kind = CampaignKind::envelope;
    entry.about = "The id table without the burn: the order first, burnt numbers handed out again.";
    entry.options = {split_option()};
    entry.sound = true;
    entry.steps = {"after_read", "after_order", "after_id", "before_commit", "after_commit"};
    entry.background_steps = {"before_payout", "after_payout"};
    entry.make = make_flow<EnvelopeIdTableGuarded>;
    return entry;
}

}  // namespace claimstorm::reference
