// envelope/queue: the envelopes themselves wait in a Redis list.
//
//   Before the event the envelopes HB1 … HBX are made, each with its amount, and pushed into a
//   list.
//   1. In one Lua script: whoever is in the set of users has claimed already; LPOP an envelope,
//   SADD
//      the user.
//   2. The list is empty: all envelopes are gone. With `reseed=on-empty` the table is asked first:
//      the envelopes without a claim are pushed again, and the user tries once more.
//   3. Store the claim.
//
// Follows the red-envelope article, which offers "a Redis queue" in place of the id table.
//
// Guarantees, as long as no claim fails between the list and the table and nothing is seeded again:
// never more than X envelopes, never more than Y cents, one envelope a user, no envelope to two.
//
// What breaks it:
//   - LPOP takes the envelope out of the one place that knows it is free. A crash (an error, a lost
//     connection) before step 3 loses it: neither in the list nor claimed, its user locked out;
//     everybody else is told "gone" (popped ≠ claimed, undersell).
//   - The usual repair, to seed the list again from the table, cannot tell an envelope that was
//   lost
//     from one that a claim has just popped and is about to store: that one is handed out twice. At
//     the end of every event the list is empty while claims are under way, so it takes no crash.
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/envelope_store.h"

namespace claimstorm::reference {
namespace {

/// Words of one RPUSH.
constexpr std::size_t kPushedAtOnce = 1000;

std::string queue_key(std::string_view campaign) {
    return key_of(campaign, "queue");
}

std::string users_key(std::string_view campaign) {
    return key_of(campaign, "users");
}

const Script& pop_script() {
    // KEYS: list, users. ARGV: user. The envelope's number, 0: none left, -1: claimed already.
    static const Script script(
        "if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return -1 end\n"
        "local envelope = redis.call('LPOP', KEYS[1])\n"
        "if not envelope then return 0 end\n"
        "redis.call('SADD', KEYS[2], ARGV[1])\n"
        "return tonumber(envelope)\n");
    return script;
}

void push_envelopes(RedisConnection& redis, std::string_view campaign,
                    const std::vector<std::string>& numbers) {
    const std::string key = queue_key(campaign);
    for (std::size_t begin = 0; begin < numbers.size(); begin += kPushedAtOnce) {
        std::vector<std::string_view> words = {"RPUSH", key};
        const std::size_t end = std::min(begin + kPushedAtOnce, numbers.size());
        words.insert(words.end(), numbers.begin() + static_cast<std::ptrdiff_t>(begin),
                     numbers.begin() + static_cast<std::ptrdiff_t>(end));
        redis.command(words);
    }
}

class EnvelopeQueue : public EnvelopeFlow {
  public:
    explicit EnvelopeQueue(const FlowOptions& options)
        : split_(split_from(options.choice("split"))),
          seeds_again_(options.choice("reseed") == "on-empty") {}

    void prepare(Context& context, const Campaign& campaign) override {
        EnvelopeFlow::prepare(context, campaign);
        make_envelopes(context, campaign, split_);
        context.redis().command({"DEL", queue_key(campaign.id), users_key(campaign.id)});
        seed(context, campaign);
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Step 1.
        std::int64_t number = pop(context, campaign, user);
        // Step 2.
        if (number == 0 && seeds_again_) {
            seed(context, campaign);
            number = pop(context, campaign, user);
        }
        if (number == 0) return {Outcome::sold_out};
        if (number < 0) return {Outcome::already_claimed};
        context.step("after_pop");
        // Step 3.
        MysqlConnection& mysql = context.mysql();
        const auto cents = amount_in(mysql, campaign.id, number);
        if (!cents) throw EnvironmentError(fmt::format("the envelope HB{} is missing", number));
        insert_envelope_claim(mysql, campaign.id, user, number, *cents, Numbers::as_they_come);
        context.step("after_store");
        return granted_envelope(number, *cents);
    }

    CampaignState state(Context& context, const Campaign& campaign) override {
        CampaignState state = EnvelopeFlow::state(context, campaign);
        state.cache_remaining = context.redis().command({"LLEN", queue_key(campaign.id)}).integer();
        return state;
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = EnvelopeFlow::evidence();
        evidence["redis"]["remaining"] = {"LLEN", queue_key("{campaign}")};
        evidence["redis"]["users"] = {{"set", users_key("{campaign}")}};
        return evidence;
    }

  private:
    static std::int64_t pop(Context& context, const Campaign& campaign, std::string_view user) {
        return pop_script()
            .run(context.redis(), {queue_key(campaign.id), users_key(campaign.id)}, {user})
            .integer();
    }

    /// Pushes every envelope that has no claim yet.
    static void seed(Context& context, const Campaign& campaign) {
        const auto rows = context.mysql().query(
            "SELECT e.number FROM envelopes e WHERE e.campaign_id = ? AND NOT EXISTS ("
            " SELECT 1 FROM envelope_claims c"
            " WHERE c.campaign_id = e.campaign_id AND c.number = e.number) ORDER BY e.number",
            {campaign.id});
        std::vector<std::string> numbers;
        numbers.reserve(rows.size());
        for (const auto& row : rows) numbers.push_back(row.text("number"));
        push_envelopes(context.redis(), campaign.id, numbers);
    }

    Split split_;
    bool seeds_again_;
};

}  // namespace

FlowEntry envelope_queue() {
    FlowEntry entry;
    entry.name = "envelope/queue";
    entry.kind = CampaignKind::envelope;
    entry.about =
        "LPOP from a list of envelopes: a crash loses one, a re-seed hands one out twice.";
    entry.options = {split_option(), choice_option("reseed", "never",
                                                   "when the list is seeded again from the table",
                                                   {"never", "on-empty"})};
    entry.steps = {"after_pop", "after_store"};
    entry.make = make_flow<EnvelopeQueue>;
    return entry;
}

}  // namespace claimstorm::reference
