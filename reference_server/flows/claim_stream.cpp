#include "reference_server/flows/claim_stream.h"

#include <algorithm>

#include "reference_server/campaign_store.h"

namespace claimstorm::reference {
namespace {

constexpr std::string_view kGroup = "persist";
constexpr std::string_view kStreams = "cs:streams";
constexpr int kGateAttempts = 3;
constexpr std::size_t kMaxClaimId = 64;  // as in the tables

const Script& open_script() {
    // KEYS: counter, users, claims, stream, epoch, streams. ARGV: stock, epoch, group, campaign.
    static const Script script(
        "redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])\n"
        "redis.call('SREM', KEYS[6], ARGV[4])\n"
        "redis.call('SET', KEYS[1], ARGV[1])\n"
        "redis.call('SET', KEYS[5], ARGV[2])\n"
        "redis.call('XGROUP', 'CREATE', KEYS[4], ARGV[3], '0', 'MKSTREAM')\n"
        "return 1\n");
    return script;
}

const Script& gate_script() {
    // KEYS as above. ARGV: user, claim id, campaign. A missing counter is no sell-out.
    static const Script script(
        "if redis.call('HGET', KEYS[3], ARGV[2]) == ARGV[1] then return 1 end\n"
        "local left = tonumber(redis.call('GET', KEYS[1]) or '')\n"
        "local epoch = redis.call('GET', KEYS[5])\n"
        "if not left or not epoch then return -2 end\n"
        "if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return -1 end\n"
        "if left <= 0 then return 0 end\n"
        "redis.call('DECR', KEYS[1])\n"
        "redis.call('SADD', KEYS[2], ARGV[1])\n"
        "redis.call('HSET', KEYS[3], ARGV[2], ARGV[1])\n"
        "redis.call('XADD', KEYS[4], '*',\n"
        "           'claim', ARGV[2], 'user', ARGV[1], 'epoch', epoch)\n"
        "redis.call('SADD', KEYS[6], ARGV[3])\n"
        "return 1\n");
    return script;
}

const Script& settle_script() {
    // KEYS: stream, streams. ARGV: group, campaign, the entries' ids separated by spaces.
    static const Script script(
        "for id in string.gmatch(ARGV[3], '%S+') do\n"
        "  redis.call('XACK', KEYS[1], ARGV[1], id)\n"
        "  redis.call('XDEL', KEYS[1], id)\n"
        "end\n"
        "if redis.call('XLEN', KEYS[1]) == 0 then redis.call('SREM', KEYS[2], ARGV[2]) end\n"
        "return 1\n");
    return script;
}

const Script& give_back_script() {
    // KEYS: counter, users, claims. ARGV: user, claim id, units to give back, whether the user
    // goes.
    static const Script script(
        "if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[1] then return 0 end\n"
        "redis.call('HDEL', KEYS[3], ARGV[2])\n"
        "redis.call('INCRBY', KEYS[1], ARGV[3])\n"
        "if ARGV[4] == '1' then redis.call('SREM', KEYS[2], ARGV[1]) end\n"
        "return 1\n");
    return script;
}

const Script& enlist_script() {
    // KEYS: stream, streams. ARGV: campaign.
    static const Script script(
        "if redis.call('XLEN', KEYS[1]) == 0 then return 0 end\n"
        "return redis.call('SADD', KEYS[2], ARGV[1])\n");
    return script;
}

/// [id, [name, value, …]]; the fields are nil when the entry was deleted meanwhile.
StreamEntry entry_from(const Reply& reply) {
    const auto& parts = reply.elements();
    StreamEntry entry;
    entry.id = parts.at(0).text();
    if (parts.at(1).is_nil()) return entry;
    const auto& fields = parts[1].elements();
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
        const std::string& name = fields[i].text();
        if (name == "claim") entry.claim_id = fields[i + 1].text();
        if (name == "user") entry.user = fields[i + 1].text();
        if (name == "epoch") entry.epoch = fields[i + 1].text();
    }
    return entry;
}

std::vector<StreamEntry> entries_from(const Reply& reply) {
    std::vector<StreamEntry> entries;
    entries.reserve(reply.elements().size());
    for (const Reply& entry : reply.elements()) {
        // Redis 6.2 leaves a nil where XAUTOCLAIM finds an entry deleted; 7 leaves it out.
        if (!entry.is_nil()) entries.push_back(entry_from(entry));
    }
    return entries;
}

}  // namespace

std::string new_claim_id(Context& context) {
    return context.unique_token();
}

bool is_claim_id(std::string_view text) noexcept {
    const bool allowed = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
    });
    return allowed && !text.empty() && text.size() <= kMaxClaimId;
}

StreamKeys::StreamKeys(std::string_view campaign)
    : counter(remaining_key(campaign)),
      users(key_of(campaign, "users")),
      claims(key_of(campaign, "claims")),
      stream(key_of(campaign, "stream")),
      epoch(key_of(campaign, "epoch")) {}

ClaimStream::ClaimStream(Context& context, std::string_view campaign)
    : context_(context), campaign_(campaign), keys_(campaign) {}

void ClaimStream::open(std::int64_t stock, std::string_view epoch) {
    open_script().run(
        context_.redis(),
        {keys_.counter, keys_.users, keys_.claims, keys_.stream, keys_.epoch, kStreams},
        {std::to_string(stock), epoch, kGroup, campaign_});
}

ClaimStream::Gate ClaimStream::admit(std::string_view user, std::string_view claim_id) {
    for (int attempt = 1;; ++attempt) {
        try {
            const Reply answer = gate_script().run(
                context_.redis(),
                {keys_.counter, keys_.users, keys_.claims, keys_.stream, keys_.epoch, kStreams},
                {user, claim_id, campaign_});
            return static_cast<Gate>(answer.integer());
        } catch (const RedisError& error) {
            if (!is_connection_lost(error) || attempt == kGateAttempts) throw;
        }
    }
}

bool ClaimStream::knows(std::string_view claim_id) {
    return context_.redis().command({"HEXISTS", keys_.claims, claim_id}).integer() == 1;
}

std::vector<StreamEntry> ClaimStream::read_unsettled(std::string_view consumer) {
    return read(consumer, 1, "0");
}

std::vector<StreamEntry> ClaimStream::read_new(std::string_view consumer, std::int64_t count) {
    return read(consumer, count, ">");
}

std::vector<StreamEntry> ClaimStream::read(std::string_view consumer, std::int64_t count,
                                           std::string_view from) {
    try {
        const Reply reply =
            context_.redis().command({"XREADGROUP", "GROUP", kGroup, consumer, "COUNT",
                                      std::to_string(count), "STREAMS", keys_.stream, from});
        if (reply.is_nil()) return {};
        return entries_from(reply.elements().at(0).elements().at(1));  // [[stream, entries]]
    } catch (const RedisError& error) {
        if (error.code() != "NOGROUP") throw;
        make_group();
        return {};
    }
}

void ClaimStream::make_group() {
    try {
        context_.redis().command({"XGROUP", "CREATE", keys_.stream, kGroup, "0", "MKSTREAM"});
    } catch (const RedisError& error) {
        if (error.code() != "BUSYGROUP") throw;  // another consumer was faster
    }
}

std::vector<StreamEntry> ClaimStream::take_over(std::string_view consumer, std::int64_t count,
                                                std::chrono::milliseconds idle) {
    const Reply reply = context_.redis().command({"XAUTOCLAIM", keys_.stream, kGroup, consumer,
                                                  std::to_string(idle.count()), "0", "COUNT",
                                                  std::to_string(count)});
    return entries_from(reply.elements().at(1));  // [next start, entries, deleted ids]
}

std::int64_t ClaimStream::deliveries(const StreamEntry& entry) {
    try {
        const Reply reply =
            context_.redis().command({"XPENDING", keys_.stream, kGroup, entry.id, entry.id, "1"});
        if (reply.elements().empty()) return 0;
        return reply.elements()[0].elements().at(3).integer();  // [id, consumer, idle, deliveries]
    } catch (const RedisError& error) {
        if (error.code() != "NOGROUP") throw;
        return 0;
    }
}

void ClaimStream::settle(const std::vector<StreamEntry>& entries) {
    if (entries.empty()) return;
    std::string ids;
    for (const StreamEntry& entry : entries) ids += entry.id + " ";
    settle_script().run(context_.redis(), {keys_.stream, kStreams}, {kGroup, campaign_, ids});
}

void ClaimStream::give_back(const StreamEntry& entry, Outcome refusal) {
    // In this order: an entry that is not settled is handed out again, and given back again.
    give_back_script().run(context_.redis(), {keys_.counter, keys_.users, keys_.claims},
                           {entry.user, entry.claim_id, refusal == Outcome::rejected ? "1" : "0",
                            refusal == Outcome::already_claimed ? "0" : "1"});
    settle({entry});
}

void ClaimStream::enlist() {
    enlist_script().run(context_.redis(), {keys_.stream, kStreams}, {campaign_});
}

std::vector<StreamEntry> ClaimStream::list(std::string_view after, std::int64_t count) {
    const std::string from = after.empty() ? "-" : "(" + std::string(after);
    return entries_from(context_.redis().command(
        {"XRANGE", keys_.stream, from, "+", "COUNT", std::to_string(count)}));
}

std::vector<std::string> ClaimStream::with_entries(Context& context) {
    std::vector<std::string> campaigns;
    const Reply reply = context.redis().command({"SMEMBERS", kStreams});
    campaigns.reserve(reply.elements().size());
    for (const Reply& campaign : reply.elements()) campaigns.push_back(campaign.text());
    return campaigns;
}

}  // namespace claimstorm::reference
