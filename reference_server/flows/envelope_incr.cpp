// envelope/incr: Redis INCR instead of the id table.
//
//   Before the event the envelopes HB1 … HBX are made, each with its amount, and a counter at 0.
//   1. INCR the counter: the ticket.
//   2. The ticket is above X: all envelopes are gone.
//   3. The ticket is X or below: the envelope of that number is the user's; store the claim.
//
// Follows the red-envelope article, which offers INCR as what could stand in for the id table. The
// id table had a unique key on the user; nothing stands in for that.
//
// Guarantees: never more than X envelopes, never more than Y cents, no envelope to two, as long as
// Redis remembers its counter.
//
// What breaks it:
//   - Nobody asks who the user is: each click takes a ticket, and one user has two envelopes while
//     others go without.
//   - A claim that fails between the ticket and its row (an error, a crash, a lost connection)
//   burns
//     the ticket: everybody is told "gone" while an envelope is left, and whoever tries again takes
//     a further ticket.
//   - A Redis that has lost its counter begins again at 1, and hands out every number a second
//   time.

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

class EnvelopeIncr : public EnvelopeFlow {
  public:
    explicit EnvelopeIncr(const FlowOptions& options)
        : split_(split_from(options.choice("split"))) {}

    void prepare(Context& context, const Campaign& campaign) override {
        EnvelopeFlow::prepare(context, campaign);
        make_envelopes(context, campaign, split_);
        context.redis().command({"SET", tickets_key(campaign.id), "0"});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        const std::int64_t ticket =
            context.redis().command({"INCR", tickets_key(campaign.id)}).integer();
        context.step("after_ticket");
        // Step 2.
        if (ticket > campaign.stock) return {Outcome::sold_out};
        // Step 3.
        MysqlConnection& mysql = context.mysql();
        const auto cents = amount_in(mysql, campaign.id, ticket);
        if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", ticket));
        context.step("before_store");
        insert_envelope_claim(mysql, campaign.id, user, ticket, *cents, Numbers::as_they_come);
        context.step("after_store");
        return granted_envelope(ticket, *cents);
    }

  private:
    Split split_;
};

}  // namespace

FlowEntry envelope_incr() {
    FlowEntry entry;
    entry.name = "envelope/incr";
    entry.kind = CampaignKind::envelope;
    entry.about =
        "Redis INCR is the ticket, whoever asks: one user wins often, failures burn tickets.";
    entry.options = {split_option()};
    entry.steps = {"after_ticket", "before_store", "after_store"};
    entry.make = make_flow<EnvelopeIncr>;
    return entry;
}

}  // namespace claimstorm::reference
