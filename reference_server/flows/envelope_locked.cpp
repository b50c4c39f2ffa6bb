// envelope/locked: the conventional way, in its sound form.
//
//   1. Look: whoever has an envelope has had his, and once none is left all are told so.
//      Take the lock: SET key token NX PX ttl, tried again with jittered, growing pauses until
//      `wait` is over (then 503); whoever sees that none is left stops waiting.
//   2. In one MySQL transaction, behind the pot's locked row: check the count and the amount left,
//      and that the user has none.
//   3. Draw a random amount: from 1 cent to twice the mean of what is left, less one; the last
//      envelope takes the rest.
//   4. Update: one envelope and its cents less, the claim's row, the order to pay it; COMMIT.
//   5. Pay, and mark the order paid.
//   6. Release the lock by compare-and-delete.
//
// Follows the red-envelope article's "conventional way", which it finds right but slow: each winner
// holds everybody up for a whole transaction and a payment.
//
// Guarantees: never more than X envelopes, never more than Y cents, and exactly Y when all X are
// taken; one envelope a user, numbered without gaps; each envelope paid exactly once. Why it holds:
//   - The lock keeps the crowd away; it is a lease, so nothing depends on it. The pot's locked row
//     does the deciding: a holder whose lease ran out finds what the other has stored.
//   - While there is a cent for each envelope left, the draw leaves a cent for each of the rest.
//   - The order is written with the claim (an outbox): a payment that failed, or that a crash
//     prevented, is made up for in the background, and the envelope's serial is its idempotency
//     key, so that trying again never pays twice.
//   - A transaction that gave way to others on every try stored nothing: its client is told 503.
//   - A lost reply to COMMIT is settled by reading back; where that fails too the client is told
//     500, and the outbox pays if it was stored.
//
// An exception up to before_commit leaves nothing behind; later, a stored claim whose client was
// told 500, paid by the outbox. A crash does the same and leaves the lock until its TTL is over;
// claims wait as long, and up to `wait`. A pause beyond the TTL lets a second holder in, who waits
// for the pot's row. A lost answer is a stored claim. None of them sells or pays too much or too
// little, so there is nothing to reconcile.
#include <chrono>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "reference_server/backoff.h"
#include "reference_server/campaign_store.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_payouts.h"
#include "reference_server/flows/envelope_pot.h"
#include "reference_server/flows/envelope_store.h"
#include "reference_server/redis_lock.h"

namespace claimstorm::reference {
namespace {

/// What step 4 stored.
struct Drawn {
    std::int64_t number = 0;
    std::int64_t cents = 0;
};

PayoutOrder order_of(const Campaign& campaign, std::string_view user, const Drawn& drawn) {
    return {campaign.id, std::string(user), serial_of(drawn.number), drawn.cents};
}

std::string lock_key(std::string_view campaign) {
    return key_of(campaign, "lock");
}

class EnvelopeLocked : public EnvelopeFlow {
  public:
    explicit EnvelopeLocked(const FlowOptions& options)
        : ttl_(std::chrono::ceil<std::chrono::milliseconds>(options.duration("ttl"))),
          wait_(options.duration("wait")) {}

    void create_schema(Context& context) override {
        EnvelopeFlow::create_schema(context);
        create_pot_table(context.mysql());
    }

    void prepare(Context& context, const Campaign& campaign) override {
        const auto nobody_pays = payer_.hold();
        EnvelopeFlow::prepare(context, campaign);
        fill_pot(context.mysql(), campaign);
        context.redis().command({"DEL", lock_key(campaign.id)});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        if (const auto refusal = look(context, campaign, user)) return {*refusal};
        context.step("after_read");

        RedisLock lock(context, lock_key(campaign.id), ttl_);
        if (const auto refusal = wait_for(lock, context, campaign, user)) return {*refusal};
        context.step("in_lock");

        // Steps 2 to 4.
        Outcome refusal = Outcome::sold_out;
        Drawn drawn;
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) {
                return store(context, mysql, campaign, user, refusal, drawn);
            },
            [&](MysqlConnection& mysql, std::uint64_t) {
                return is_ordered(mysql, order_of(campaign, user, drawn));
            });
        if (stored.fate == Fate::refused) return {refusal};
        if (stored.fate != Fate::committed) return failed_envelope(stored);
        context.step("after_commit");

        // Step 5.
        try {
            pay_order(context, order_of(campaign, user, drawn));
        } catch (const MysqlError&) {  // NOLINT(bugprone-empty-catch): the outbox pays it
        }
        context.step("before_unlock");
        return granted_envelope(drawn.number, drawn.cents);  // step 6 is the lock's destructor
    }

    std::vector<BackgroundWork> background() override {
        return {{"late payouts", [this](Context& context, const std::stop_token& stop) {
                     payer_.run(context, stop);
                 }}};
    }

    CampaignState state(Context& context, const Campaign& campaign) override {
        return pot_state(context.mysql(), campaign.id);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = EnvelopeFlow::evidence();
        evidence["mysql"]["stock"] = pot_query();
        evidence["mysql"]["payouts"] = payouts_query();
        evidence["redis"]["locks"] = {lock_key("{campaign}")};
        return evidence;
    }

  private:
    /// nullopt: the user may try. The pot is read first: once it is empty, whoever has an envelope
    /// has his order too.
    static std::optional<Outcome> look(Context& context, const Campaign& campaign,
                                       std::string_view user) {
        const Pot pot = read_pot(context.mysql(), campaign.id);
        if (has_order(context.mysql(), campaign.id, user)) return Outcome::already_claimed;
        if (pot.left <= 0) return Outcome::sold_out;
        return std::nullopt;
    }

    /// nullopt: the lock is held. Otherwise what the client is told.
    std::optional<Outcome> wait_for(RedisLock& lock, Context& context, const Campaign& campaign,
                                    std::string_view user) const {
        const auto began = std::chrono::steady_clock::now();
        Backoff backoff(context.random(), std::chrono::microseconds(500),
                        std::chrono::milliseconds(8));
        std::optional<Outcome> refusal;
        while (!refusal && !lock.try_acquire()) {
            std::this_thread::sleep_for(backoff.next());
            refusal = look(context, campaign, user);
            const bool is_over = std::chrono::steady_clock::now() >= began + wait_;
            if (!refusal && is_over) refusal = Outcome::throttled;
        }
        context.add_lock_wait(std::chrono::steady_clock::now() - began);
        return refusal;
    }

    /// The envelope's number, or nullopt with the reason in `refusal`.
    static std::optional<std::uint64_t> store(Context& context, MysqlConnection& mysql,
                                              const Campaign& campaign, std::string_view user,
                                              Outcome& refusal, Drawn& drawn) {
        const Pot pot = lock_pot(mysql, campaign.id);
        refusal = Outcome::already_claimed;
        if (!insert_order(mysql, campaign.id, user)) return std::nullopt;
        refusal = Outcome::sold_out;
        if (pot.left <= 0) return std::nullopt;
        drawn = {campaign.stock - pot.left + 1, draw_amount(pot, context.random())};
        context.step("after_draw");
        take_from_pot(mysql, campaign.id, drawn.cents);
        insert_envelope_claim(mysql, campaign.id, user, drawn.number, drawn.cents, Numbers::unique);
        complete_order(mysql, order_of(campaign, user, drawn));
        context.step("before_commit");
        return static_cast<std::uint64_t>(drawn.number);
    }

    std::chrono::milliseconds ttl_;
    std::chrono::nanoseconds wait_;
    // Long enough for whoever holds the lock to pay by himself.
    OutboxPayer payer_{std::chrono::milliseconds(100), {"before_late_payout", "after_late_payout"}};
};

}  // namespace

FlowEntry envelope_locked() {
    using namespace std::chrono_literals;
    FlowEntry entry;
    entry.name = "envelope/locked";
    entry.kind = CampaignKind::envelope;
    entry.about = "The conventional way: lock, check, draw, update, pay, unlock. Right but slow.";
    entry.options = {
        duration_option("ttl", "5s", "when a lock nobody released expires", 1ms, 10min),
        duration_option("wait", "2s", "how long a claim waits for the lock", 1ms, 1min)};
    entry.sound = true;
    entry.steps = {"after_read",   "in_lock",       "after_draw",   "before_commit",
                   "after_commit", "before_payout", "after_payout", "before_unlock"};
    entry.background_steps = {"before_late_payout", "after_late_payout"};
    entry.make = make_flow<EnvelopeLocked>;
    return entry;
}

}  // namespace claimstorm::reference
