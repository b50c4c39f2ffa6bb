// envelope/incr-once/trusting: one ticket a user from Redis, and whatever Redis says is stored.
//
//   Before the event the envelopes HB1 … HBX are made, each with its amount; no counter, no users.
//   1. In one Lua script: SADD the user; whoever was in the set has claimed already. The counter is
//      at X: all envelopes are gone, and SREM takes the user out again. Else INCR it: the ticket.
//   2. The envelope of that number is the user's; store the claim.
//   3. If step 2 fails, so be it.
//
// Follows the red-envelope article's INCR, with the user guard that it lacks.
//
// Guarantees: never more than X envelopes, never more than Y cents, one envelope a user, no
// envelope to two, as long as nothing fails.
//
// What breaks it:
//   - Redis restarts without what it held (no persistence, a failover to an empty replica,
//   eviction,
//     FLUSHALL). An absent counter is 0 to INCR, an absent set is empty: tickets 1, 2 … are issued
//     a second time and nobody has claimed yet. The table takes it all: HB7 has two owners, more
//     than X envelopes, more than Y cents, a second envelope for whoever asks again.
//   - A failure between the ticket and its row burns the ticket and locks its user out.

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_store.h"

namespace claimstorm::reference {
namespace {

std::string tickets_key(std::string_view campaign) {
    return key_of(campaign, "tickets");
}

std::string users_key(std::string_view campaign) {
    return key_of(campaign, "users");
}

const Script& ticket_script() {
    // KEYS: counter, users. ARGV: user, the last ticket there is.
    static const Script script(
        "if redis.call('SADD', KEYS[2], ARGV[1]) == 0 then return -1 end\n"
        "if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[2]) then\n"
        "  redis.call('SREM', KEYS[2], ARGV[1])\n"
        "  return 0\n"
        "end\n"
        "return redis.call('INCR', KEYS[1])\n");
    return script;
}

class EnvelopeIncrOnceTrusting : public EnvelopeFlow {
  public:
    explicit EnvelopeIncrOnceTrusting(const FlowOptions& options)
        : split_(split_from(options.choice("split"))) {}

    void prepare(Context& context, const Campaign& campaign) override {
        EnvelopeFlow::prepare(context, campaign);
        make_envelopes(context, campaign, split_);
        context.redis().command({"DEL", tickets_key(campaign.id), users_key(campaign.id)});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const std::int64_t ticket =
            ticket_script()
                .run(context.redis(), {tickets_key(campaign.id), users_key(campaign.id)},
                     {user, std::to_string(campaign.stock)})
                .integer();
        if (ticket == 0) return {Outcome::sold_out};
        if (ticket < 0) return {Outcome::already_claimed};
        context.step("after_ticket");
        // Step 2.
        MysqlConnection& mysql = context.mysql();
        const auto cents = amount_in(mysql, campaign.id, ticket);
        if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", ticket));
        insert_envelope_claim(mysql, campaign.id, user, ticket, *cents, Numbers::as_they_come);
        context.step("after_store");
        return granted_envelope(ticket, *cents);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = EnvelopeFlow::evidence();
        evidence["redis"]["users"] = {{"set", users_key("{campaign}")}};
        return evidence;
    }

  private:
    Split split_;
};

}  // namespace

FlowEntry envelope_incr_once_trusting() {
    FlowEntry entry;
    entry.name = "envelope/incr-once/trusting";
    entry.kind = CampaignKind::envelope;
    entry.about =
        "One ticket a user from Redis, stored unasked: a restart of Redis issues all again.";
    entry.options = {split_option()};
    entry.steps = {"after_ticket", "after_store"};
    entry.make = make_flow<EnvelopeIncrOnceTrusting>;
    return entry;
}

}  // namespace claimstorm::reference
