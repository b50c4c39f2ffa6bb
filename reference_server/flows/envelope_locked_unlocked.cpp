// envelope/locked/unlocked: the conventional way without its lock.
//
//   1. Check the count and the amount left, and that the user has no envelope yet.
//   2. Draw a random amount from what was read.
//   3. One MySQL transaction: one envelope and its cents less, the claim's row.
//   4. Pay.
//
// Follows the red-envelope article's "conventional way" where the lock is left out: a race for a
// random part of what remains.
//
// Guarantees nothing under concurrency; one claim after the other is right.
//
// What breaks it, without any fault:
//   - All who read "1 left, R cents" before the first of them has stored take an envelope, and each
//     takes all of R: more than X envelopes, more than Y cents. The decrements are relative, so
//     none is lost, and the pot ends below zero with all counters in agreement.
//   - Who reads the same count gets the same number: HB7 has several owners.
//   - The two clicks of one user both read "none yet" before either has stored: two envelopes.

#include <nlohmann/json.hpp>

#include "reference_server/flows.h"
#include "reference_server/flows/envelope_payouts.h"
#include "reference_server/flows/envelope_pot.h"
#include "reference_server/flows/envelope_store.h"

namespace claimstorm::reference {
namespace {

class EnvelopeLockedUnlocked : public EnvelopeFlow {
  public:
    void create_schema(Context& context) override {
        EnvelopeFlow::create_schema(context);
        create_pot_table(context.mysql());
    }

    void prepare(Context& context, const Campaign& campaign) override {
        EnvelopeFlow::prepare(context, campaign);
        fill_pot(context.mysql(), campaign);
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        MysqlConnection& mysql = context.mysql();
        // Step 1.
        const Pot pot = read_pot(mysql, campaign.id);
        if (envelope_claims_of(mysql, campaign.id, user) > 0) return {Outcome::already_claimed};
        if (pot.left <= 0) return {Outcome::sold_out};
        context.step("after_read");

        // Step 2.
        const std::int64_t number = campaign.stock - pot.left + 1;
        const std::int64_t cents = draw_amount(pot, context.random());
        context.step("after_draw");

        // Step 3.
        Transaction transaction(mysql);
        take_from_pot(mysql, campaign.id, cents);
        insert_envelope_claim(mysql, campaign.id, user, number, cents, Numbers::as_they_come);
        context.step("before_commit");
        transaction.commit();
        context.step("after_commit");

        // Step 4.
        pay(mysql, {campaign.id, std::string(user), serial_of(number), cents}, {});
        context.step("after_payout");
        return granted_envelope(number, cents);
    }

    CampaignState state(Context& context, const Campaign& campaign) override {
        return pot_state(context.mysql(), campaign.id);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = EnvelopeFlow::evidence();
        evidence["mysql"]["stock"] = pot_query();
        evidence["mysql"]["payouts"] = payouts_query();
        return evidence;
    }
};

}  // namespace

FlowEntry envelope_locked_unlocked() {
    FlowEntry entry;
    entry.name = "envelope/locked/unlocked";
    entry.kind = CampaignKind::envelope;
    entry.about = "The conventional way without its lock: a race for a random part of the rest.";
    entry.steps = {"after_read", "after_draw", "before_commit", "after_commit", "after_payout"};
    entry.make = make_flow<EnvelopeLockedUnlocked>;
    return entry;
}

}  // namespace claimstorm::reference
