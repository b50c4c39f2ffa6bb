// coupon/async-stream: the gate answers "pending", a stream carries the claim, consumers store it.
//
// A claim:
//   1. One Lua script: the user has not claimed, the counter is above zero; then DECR, SADD the
//      user, note the claim id, and XADD the claim to the campaign's stream. Nothing comes between.
//   2. The client is told "pending" with the claim id, and polls.
// A consumer, in the background, a member of the stream's consumer group:
//   3. XREADGROUP: first what it has read and left earlier, then what is new, then, by XAUTOCLAIM,
//      what another consumer read `idle` ago and left.
//   4. One MySQL transaction a batch: lock the campaign's row; each claim's fate, a row under the
//      unique keys of its claim id and of its user; remaining and the sold-out mark.
//   5. Only then one script XACKs and XDELs the entries: XLEN is what is accepted and not stored.
// A poll:
//   6. Says what the table says: "granted" only once that is committed, "sold_out" … if refused;
//      "pending" while the claim has passed the gate and has no row.
//
// Follows no article; public flash-sale code does it over and over, mostly as in the two variants
// coupon/async-stream/ack-first and coupon/async-stream/no-idempotence.
//
// Guarantees, once the stream is empty: never more than the stock, one claim a user, every grant
// told is stored, and cache = database = stock - claims. Why it holds:
//   - The gate is atomic: no unit is taken without an entry in the stream, and no entry without a
//     unit. A gate whose reply was lost is asked again with the same claim id and answers the same.
//   - An entry leaves the stream after its fate is stored, never before. Until then it is handed
//     out again: to a consumer of the same name after a restart, to another one after `idle`.
//   - Storing is idempotent: one claim id has one row. An entry handed out twice, also to two
//     consumers at once, finds the fate the first one stored. So does a COMMIT whose reply was
//     lost.
//   - "No" is final. A claim that is refused has a row too; the unit is given back after that, once
//     (the gate forgets the claim id in the same script). And whoever polls for an id that neither
//     store knows, because Redis came back without its last writes, has the refusal written down
//     before it is told: a consumer that had read the entry can no longer store it.
//   - An entry carries the creation time of its campaign: what is left from before the campaign was
//     created anew is dropped.
//
// A claim that cannot be stored is tried `deliveries` times, alone after the first, then refused
// and given back; a unit that comes back after the crowd has gone stays unsold (undersell, never
// oversell). While the database is down nothing is refused: refusing needs it too.
//
// What it promises:
//   error        At after_gate: the client gets 500, the claim is stored. In a consumer: what it
//                has read is read again, a moment later.
//   crash        Anywhere: nothing is lost, nothing is stored twice; after the restart the
//                consumers go on where they were. Clients may be without their answer; polling
//                with the claim id still tells it.
//   pause        Longer than `idle`: another consumer does the same claims again, to no effect.
//   drop-reply   The claim stands, and its user's next one is told "already claimed".
//   lose-cache   Claims that were pending and not yet stored are gone, and never were granted;
//                polls for them are told "rejected". Claims get 500 until reconcile has set
//                counter and users by what is stored. Never oversold.
// Until the stream is empty the database lags behind the gate, and while a claim that will be
// refused is on its way, others may be told "sold out".
#include <exception>

#include <nlohmann/json.hpp>

#include "reference_server/flows.h"
#include "reference_server/flows/stream_claims.h"
#include "reference_server/flows/stream_flow.h"
#include "reference_server/flows/stream_reconcile.h"

namespace claimstorm::reference {
namespace {

class CouponAsyncStream : public StreamFlow {
  public:
    explicit CouponAsyncStream(const FlowOptions& options)
        : StreamFlow(options, "stream_claims"), deliveries_(options.count("deliveries")) {}

    void create_schema(Context& context) override {
        StreamFlow::create_schema(context);
        create_stream_claims(context.mysql());
    }

    std::optional<ClaimResult> poll(Context& context, const Campaign& campaign,
                                    std::string_view claim_id) override {
        // Step 6.
        const std::string id(claim_id);
        if (!is_claim_id(id)) return ClaimResult{Outcome::rejected};
        if (const auto fate = fate_of(context.mysql(), campaign.id, id))
            return ClaimResult{*fate, id};
        if (ClaimStream(context, campaign.id).knows(id)) return ClaimResult{Outcome::pending, id};
        return ClaimResult{refuse_claim(context.mysql(), campaign.id, id), id};
    }

    std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                    const Campaign& campaign) override {
        return reconcile_stream(context, campaign);
    }

  protected:
    void consume(Context& context, ClaimStream& stream, std::string_view campaign,
                 const std::vector<StreamEntry>& entries) override {
        try {
            // Step 4.
            context.step("after_read");
            const std::vector<Outcome> fates = store_claims(context, campaign, entries);
            context.step("after_commit");

            // Step 5.
            apply(stream, entries, fates);
            context.step("after_ack");
        } catch (const std::exception&) {
            const StreamEntry& oldest = entries.front();
            if (entries.size() > 1 || stream.deliveries(oldest) < deliveries_) throw;
            context.step("before_give_up");
            apply(stream, entries, {refuse_claim(context.mysql(), campaign, oldest.claim_id)});
        }
    }

  private:
    static void apply(ClaimStream& stream, const std::vector<StreamEntry>& entries,
                      const std::vector<Outcome>& fates) {
        std::vector<StreamEntry> stored;
        stored.reserve(entries.size());
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (fates[i] == Outcome::granted) {
                stored.push_back(entries[i]);
            } else {
                stream.give_back(entries[i], fates[i]);
            }
        }
        stream.settle(stored);
    }

    std::int64_t deliveries_;
};

}  // namespace

FlowEntry coupon_async_stream() {
    FlowEntry entry;
    entry.name = "coupon/async-stream";
    entry.about = "A Lua gate puts claims into a stream, consumers store them, clients poll.";
    entry.sound = true;
    entry.options = stream_options();
    entry.options.push_back(count_option(
        "deliveries", "16", "tries to store a claim before it is refused and given back", 1, 1000));
    entry.steps = {"after_gate"};
    entry.background_steps = {"after_read", "before_commit", "after_commit", "after_ack",
                              "before_give_up"};
    entry.make = make_flow<CouponAsyncStream>;
    return entry;
}

}  // namespace claimstorm::reference
