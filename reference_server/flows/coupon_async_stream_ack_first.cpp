// coupon/async-stream/ack-first: acknowledged when read, stored afterwards.
//
//   1. and 2. As in coupon/async-stream: one Lua script takes the unit and puts the claim into the
//      stream; the client is told "pending" and polls.
//   3. A consumer reads a batch.
//   4. It XACKs and XDELs the batch at once: "so that nobody else does it too".
//   5. Then it stores the batch, in one MySQL transaction, idempotently.
//   6. A poll asks the gate: who has passed it is "granted". The unit is taken, so what could go
//      wrong?
//
// Found in public flash-sale code: NOACK, auto-acknowledgement, a list and LPOP instead of a
// stream; and a result that is read from Redis because the database lags behind.
//
// Guarantees: never more than the stock, one claim a user. And every claim is stored as long as no
// consumer ever fails.
//
// What breaks it:
//   - A consumer that dies, or throws, between 4 and 5 (failpoint after_ack) takes its whole batch
//     with it: the stream hands out nothing again. Up to `batch` clients were or will be told
//     "granted" and have no row: lost claims. Their units are gone from the counter and in no row
//     (cache drift), they are still in the gate's set (locked out), and the others were told "sold
//     out" while the database has stock left.
//   - The same for a database that is down for longer than the transaction is tried.
//   - Without any fault, step 6 tells "granted" before anything is stored, so each of the above
//     happens to clients who already have their yes.

#include "reference_server/flows.h"
#include "reference_server/flows/stream_claims.h"
#include "reference_server/flows/stream_flow.h"

namespace claimstorm::reference {
namespace {

class CouponAsyncStreamAckFirst : public StreamFlow {
  public:
    explicit CouponAsyncStreamAckFirst(const FlowOptions& options)
        : StreamFlow(options, "stream_claims") {}

    void create_schema(Context& context) override {
        StreamFlow::create_schema(context);
        create_stream_claims(context.mysql());
    }

    std::optional<ClaimResult> poll(Context& context, const Campaign& campaign,
                                    std::string_view claim_id) override {
        // Step 6.
        const bool has_passed = ClaimStream(context, campaign.id).knows(claim_id);
        return ClaimResult{has_passed ? Outcome::granted : Outcome::rejected,
                           std::string(claim_id)};
    }

  protected:
    void consume(Context& context, ClaimStream& stream, std::string_view campaign,
                 const std::vector<StreamEntry>& entries) override {
        // Step 4.
        context.step("after_read");
        stream.settle(entries);
        context.step("after_ack");

        // Step 5.
        const std::vector<Outcome> fates = store_claims(context, campaign, entries);
        context.step("after_commit");
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (fates[i] != Outcome::granted) stream.give_back(entries[i], fates[i]);
        }
    }
};

}  // namespace

FlowEntry coupon_async_stream_ack_first() {
    FlowEntry entry;
    entry.name = "coupon/async-stream/ack-first";
    entry.about = "The consumer acknowledges before it stores: a crash in between loses claims.";
    entry.options = stream_options();
    entry.steps = {"after_gate"};
    entry.background_steps = {"after_read", "after_ack", "before_commit", "after_commit"};
    entry.make = make_flow<CouponAsyncStreamAckFirst>;
    return entry;
}

}  // namespace claimstorm::reference
