#include "reference_server/flows/stream_reconcile.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows/claim_stream.h"
#include "reference_server/flows/stream_claims.h"

namespace claimstorm::reference {
namespace {

constexpr std::int64_t kEntriesAtOnce = 500;
constexpr std::size_t kUsersAtOnce = 1000;

/// The campaign's set of users and hash of claim ids, made beside those in use and then put in
/// their place at once.
class RebuiltKeys {
  public:
    RebuiltKeys(Context& context, const StreamKeys& keys)
        : redis_(context.redis()),
          keys_(keys),
          users_(keys.users + ":rebuilt"),
          claims_(keys.claims + ":rebuilt") {
        redis_.command({"DEL", users_, claims_});
    }

    void add_user(std::string user) {
        waiting_.push_back(std::move(user));
        if (waiting_.size() == kUsersAtOnce) send_users();
    }
    void add_claim(const StreamEntry& entry) {
        add_user(entry.user);
        redis_.command({"HSET", claims_, entry.claim_id, entry.user});
    }

    /// Sets the counter and the epoch with them. Returns the counter and the number of users as
    /// they were; the counter is nil if it was not there.
    Reply put_in_place(std::int64_t counter, std::string_view epoch) {
        send_users();
        return swap_script().run(
            redis_, {keys_.counter, keys_.users, keys_.claims, keys_.epoch, users_, claims_},
            {std::to_string(counter), epoch});
    }

  private:
    static const Script& swap_script() {
        // RENAME refuses a key that does not exist, as an empty set does not.
        static const Script script(
            "local was = {redis.call('GET', KEYS[1]), redis.call('SCARD', KEYS[2])}\n"
            "redis.call('DEL', KEYS[2], KEYS[3])\n"
            "if redis.call('EXISTS', KEYS[5]) == 1 then\n"
            "  redis.call('RENAME', KEYS[5], KEYS[2])\n"
            "end\n"
            "if redis.call('EXISTS', KEYS[6]) == 1 then\n"
            "  redis.call('RENAME', KEYS[6], KEYS[3])\n"
            "end\n"
            "redis.call('SET', KEYS[1], ARGV[1])\n"
            "redis.call('SET', KEYS[4], ARGV[2])\n"
            "return was\n");
        return script;
    }

    void send_users() {
        if (waiting_.empty()) return;
        std::vector<std::string_view> words = {"SADD", users_};
        words.insert(words.end(), waiting_.begin(), waiting_.end());
        redis_.command(words);
        waiting_.clear();
    }

    RedisConnection& redis_;
    const StreamKeys& keys_;
    std::string users_;
    std::string claims_;
    std::vector<std::string> waiting_;
};

/// The entries of this life of the campaign whose fate is not stored: they will be.
std::vector<StreamEntry> undecided(MysqlConnection& mysql, ClaimStream& stream,
                                   std::string_view campaign, std::string_view epoch) {
    std::vector<StreamEntry> result;
    std::string last;
    for (;;) {
        const auto entries = stream.list(last, kEntriesAtOnce);
        if (entries.empty()) return result;
        for (const StreamEntry& entry : entries) {
            if (entry.epoch != epoch) continue;
            if (!fate_of(mysql, campaign, entry.claim_id)) result.push_back(entry);
        }
        last = entries.back().id;
    }
}

nlohmann::ordered_json change(const nlohmann::ordered_json& was, std::int64_t is) {
    return {{"was", was}, {"is", is}};
}

}  // namespace

nlohmann::ordered_json reconcile_stream(Context& context, const Campaign& campaign) {
    MysqlConnection& mysql = context.mysql();
    Transaction transaction(mysql);
    // Consumers lock this row first: until the end here no fate is stored.
    const auto row = mysql.query_one(
        "SELECT stock, remaining, created_at FROM campaigns WHERE id = ? FOR UPDATE",
        {campaign.id});
    if (!row) throw EnvironmentError(fmt::format("the campaign '{}' has no row", campaign.id));
    const std::string epoch = row->text("created_at");

    ClaimStream stream(context, campaign.id);
    RebuiltKeys rebuilt(context, stream.keys());
    std::int64_t claims = 0;
    mysql.for_each_row(
        "SELECT user_id FROM stream_claims WHERE campaign_id = ? AND user_id IS NOT NULL",
        {campaign.id}, [&](const MysqlRow& claim) {
            rebuilt.add_user(claim.text(0));
            ++claims;
        });
    std::int64_t users = claims;
    const auto queued = undecided(mysql, stream, campaign.id, epoch);
    for (const StreamEntry& entry : queued) rebuilt.add_claim(entry);
    const auto waiting = static_cast<std::int64_t>(queued.size());
    const std::int64_t remaining = row->int64("stock") - claims;
    mysql.execute("UPDATE campaigns SET remaining = ?, sold_out = ? WHERE id = ?",
                  {remaining, remaining <= 0 ? 1 : 0, campaign.id});
    const std::int64_t counter = std::max<std::int64_t>(remaining - waiting, 0);
    const Reply was = rebuilt.put_in_place(counter, epoch);
    stream.enlist();
    transaction.commit();

    const auto& before = was.elements();
    const auto cached = before.at(0).is_nil() ? nlohmann::ordered_json(nullptr)
                                              : nlohmann::ordered_json(before[0].integer());
    users += waiting;
    return {{"claims", claims},
            {"queued", waiting},
            {"remaining", change(row->int64("remaining"), remaining)},
            {"cache_remaining", change(cached, counter)},
            {"users", change(before.at(1).integer(), users)}};
}

}  // namespace claimstorm::reference
