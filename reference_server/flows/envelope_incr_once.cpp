// envelope/incr-once: one ticket a user from Redis, and a table that takes nobody's word for it.
//
//   Before the event the envelopes HB1 … HBX are made, each with its amount; the counter is set to
//   0, and the hash of holders is empty.
//   1. In one Lua script: whoever holds a ticket has claimed already; a ticket that was given back,
//      else INCR up to X; the user holds it. At X: all envelopes are gone.
//   2. In one MySQL transaction: the user's order (the outbox row, whose primary key refuses a
//   second
//      claim of the user), the claim's row (whose unique number refuses a second claim with the
//      ticket), the envelope's amount in the order; COMMIT.
//   3. If the transaction fails for certain: one script gives the ticket back.
//      If the ticket had been claimed: let go of it and take another, a bounded number of times.
//   4. A worker pays from the outbox; the envelope's serial is the payment's idempotency key.
//   Where the script finds no counter, Redis has lost its data (prepare has set it): users, counter
//   and free tickets are brought back from the table, and the claim goes on.
//
// Follows the red-envelope article's INCR, with the user guard it lacks: an SADD, here a hash, so
// that the holder's claim is known too.
//
// Guarantees: never more than X envelopes, never more than Y cents, one envelope a user, no
// envelope to two; each paid exactly once; exactly Y spent when all X are taken. Why it holds:
//   - In good times the script alone decides, and the table only writes down.
//   - What Redis says may be out of date: after a restart without persistence tickets of claims
//   under
//     way are issued twice. The keys of the two tables decide then; whoever comes second waits for
//     the first, and takes another ticket only if the first has been stored.
//   - A hold is known by a token nobody else has, so a script whose reply was lost is run again,
//   and
//     giving back is done once however often it is said.
//
// An exception up to before_commit gives the ticket back, to the next who asks; whoever was told
// "gone" meanwhile does not ask again, so the last tickets may stay left. A crash there leaves
// ticket and user taken: an undersell by those under way, and users locked out, until reconcile
// puts Redis to what is stored. From after_commit on it is a stored claim whose client was told 500
// or nothing, and the outbox pays it. A pause holds up nobody but who meets the same ticket after a
// loss. A lost answer is a stored claim. The loss of the cache is mended by the next claim, or by
// reconcile: stores, money and promises agree. The answers do not: a second click that was told
// "already claimed" for a hold that went with the cache sees its first one told "gone", and tickets
// that come back are given to others after that.
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_payouts.h"
#include "reference_server/flows/envelope_store.h"
#include "reference_server/flows/envelope_tickets.h"

namespace claimstorm::reference {
namespace {

/// After a loss a claim may meet one stored ticket for each claim that was under way.
constexpr int kTicketsTried = 1000;

TicketsStored read_stored(MysqlConnection& mysql, std::string_view campaign) {
    TicketsStored stored;
    mysql.for_each_row(
        "SELECT user_id, number FROM envelope_claims WHERE campaign_id = ? ORDER BY number",
        {campaign}, [&](const MysqlRow& row) {
            const std::int64_t number = row.int64("number");
            while (++stored.highest < number) {
                stored.returned.push_back(std::to_string(stored.highest));
            }
            stored.users.push_back(row.text("user_id"));
        });
    return stored;
}

class EnvelopeIncrOnce : public EnvelopeFlow {
  public:
    explicit EnvelopeIncrOnce(const FlowOptions& options)
        : split_(split_from(options.choice("split"))) {}

    void prepare(Context& context, const Campaign& campaign) override {
        const auto nobody_pays = payer_.hold();
        EnvelopeFlow::prepare(context, campaign);
        make_envelopes(context, campaign, split_);
        reset_tickets(context.redis(), campaign.id, {});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        TicketHold hold(context, campaign.id, user);
        for (int tried = 0; tried < kTicketsTried; ++tried) {
            // Step 1.
            const std::int64_t ticket = hold.take(campaign.stock);
            if (ticket == TicketHold::gone) return {Outcome::sold_out};
            if (ticket == TicketHold::already) return {Outcome::already_claimed};
            if (ticket == TicketHold::lost) {
                restore_tickets(context.redis(), campaign.id,
                                read_stored(context.mysql(), campaign.id));
                continue;
            }
            context.step("after_ticket");
            // Steps 2 and 3.
            if (const auto result = store(context, campaign, user, ticket, hold)) return *result;
            hold.drop();
        }
        return {Outcome::throttled};
    }

    std::vector<BackgroundWork> background() override {
        return {{"payouts", [this](Context& context, const std::stop_token& stop) {
                     payer_.run(context, stop);
                 }}};
    }

    std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                    const Campaign& campaign) override {
        const auto cached = [&] {
            const TicketKeys keys(campaign.id);
            return nlohmann::ordered_json{
                {"users", context.redis().command({"HLEN", keys.holders}).integer()},
                {"under_way", context.redis().command({"HLEN", keys.holds}).integer()},
                {"returned", context.redis().command({"LLEN", keys.returned}).integer()}};
        };
        const auto found = cached();
        const TicketsStored stored = read_stored(context.mysql(), campaign.id);
        reset_tickets(context.redis(), campaign.id, stored);
        return nlohmann::ordered_json{
            {"claims", stored.users.size()}, {"found", found}, {"now", cached()}};
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = EnvelopeFlow::evidence();
        evidence["mysql"]["payouts"] = payouts_query();
        evidence["redis"]["users"] = {{"hash", TicketKeys("{campaign}").holders}};
        return evidence;
    }

  private:
    /// What the client is told; nullopt when the ticket belongs to a stored claim.
    static std::optional<ClaimResult> store(Context& context, const Campaign& campaign,
                                            std::string_view user, std::int64_t ticket,
                                            TicketHold& hold) {
        const auto cents = amount_in(context.mysql(), campaign.id, ticket);
        if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", ticket));
        const PayoutOrder order{campaign.id, std::string(user), serial_of(ticket), *cents};
        bool is_claimed = false;
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                is_claimed = false;
                if (!insert_order(mysql, campaign.id, user)) return std::nullopt;
                is_claimed = !insert_numbered(mysql, campaign, user, ticket, *cents);
                if (is_claimed) return std::nullopt;
                complete_order(mysql, order);
                context.step("before_commit");
                return static_cast<std::uint64_t>(ticket);
            },
            [&](MysqlConnection& mysql, std::uint64_t) { return is_ordered(mysql, order); });
        if (stored.fate == Fate::refused && is_claimed) return std::nullopt;
        if (stored.fate == Fate::refused) return ClaimResult{Outcome::already_claimed};
        if (stored.fate != Fate::rolled_back) hold.keep();
        context.step("after_commit");
        if (stored.fate != Fate::committed) return failed_envelope(stored);
        hold.settle();
        return granted_envelope(ticket, *cents);
    }

    /// False when another claim has the number.
    static bool insert_numbered(MysqlConnection& mysql, const Campaign& campaign,
                                std::string_view user, std::int64_t ticket, std::int64_t cents) {
        try {
            insert_envelope_claim(mysql, campaign.id, user, ticket, cents, Numbers::unique);
            return true;
        } catch (const MysqlError& error) {
            if (!is_duplicate_key(error)) throw;
            return false;
        }
    }

    Split split_;
    OutboxPayer payer_{std::chrono::milliseconds(0)};
};

}  // namespace

FlowEntry envelope_incr_once() {
    FlowEntry entry;
    entry.name = "envelope/incr-once";
    entry.kind = CampaignKind::envelope;
    entry.about = "One ticket a user from a Lua script, and unique keys that judge what it says.";
    entry.options = {split_option()};
    entry.sound = true;
    entry.steps = {"after_ticket", "before_commit", "after_commit"};
    entry.background_steps = {"before_payout", "after_payout"};
    entry.make = make_flow<EnvelopeIncrOnce>;
    return entry;
}

}  // namespace claimstorm::reference
