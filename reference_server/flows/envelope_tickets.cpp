#include "reference_server/flows/envelope_tickets.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "reference_server/campaign_store.h"

namespace claimstorm::reference {
namespace {

constexpr int kScriptAttempts = 3;
/// Users of one HSET.
constexpr std::size_t kUsersAtOnce = 500;

// The scripts of one claim: KEYS: tickets, returned, holders, holds. ARGV: user, token, and one
// more.

const Script& take_script() {
    // ARGV[3]: the last ticket there is.
    static const Script script(
        "local holder = redis.call('HGET', KEYS[3], ARGV[1])\n"
        "if holder == ARGV[2] then return tonumber(redis.call('HGET', KEYS[4], ARGV[2])) end\n"
        "if holder then return -1 end\n"
        "local given = redis.call('GET', KEYS[1])\n"
        "if not given then return -2 end\n"
        "local ticket = redis.call('LPOP', KEYS[2])\n"
        "if not ticket then\n"
        "  if tonumber(given) >= tonumber(ARGV[3]) then return 0 end\n"
        "  ticket = redis.call('INCR', KEYS[1])\n"
        "end\n"
        "redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])\n"
        "redis.call('HSET', KEYS[4], ARGV[2], ticket)\n"
        "return tonumber(ticket)\n");
    return script;
}

const Script& settle_script() {
    static const Script script(
        "redis.call('HSET', KEYS[3], ARGV[1], 'stored')\n"
        "redis.call('HDEL', KEYS[4], ARGV[2])\n"
        "return 1\n");
    return script;
}

const Script& let_go_script() {
    // ARGV[3]: "return" when the ticket is to be given out again. The user stays if another of his
    // claims has been stored meanwhile.
    static const Script script(
        "local ticket = redis.call('HGET', KEYS[4], ARGV[2])\n"
        "if not ticket then return 0 end\n"
        "redis.call('HDEL', KEYS[4], ARGV[2])\n"
        "if redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[2] then\n"
        "  redis.call('HDEL', KEYS[3], ARGV[1])\n"
        "end\n"
        "if ARGV[3] == 'return' then redis.call('RPUSH', KEYS[2], ticket) end\n"
        "return 1\n");
    return script;
}

const Script& restore_script() {
    // KEYS: tickets, returned. ARGV: the highest ticket, those returned with commas between them.
    static const Script script(
        "if not redis.call('SET', KEYS[1], ARGV[1], 'NX') then return 0 end\n"
        "for ticket in string.gmatch(ARGV[2], '%d+') do redis.call('RPUSH', KEYS[2], ticket) end\n"
        "return 1\n");
    return script;
}

}  // namespace

TicketKeys::TicketKeys(std::string_view campaign)
    : tickets(key_of(campaign, "tickets")),
      returned(key_of(campaign, "returned")),
      holders(key_of(campaign, "holders")),
      holds(key_of(campaign, "holds")) {}

void reset_tickets(RedisConnection& redis, std::string_view campaign, const TicketsStored& stored) {
    const TicketKeys keys(campaign);
    redis.command({"DEL", keys.tickets, keys.returned, keys.holders, keys.holds});
    restore_tickets(redis, campaign, stored);
}

void restore_tickets(RedisConnection& redis, std::string_view campaign,
                     const TicketsStored& stored) {
    const TicketKeys keys(campaign);
    for (std::size_t begin = 0; begin < stored.users.size(); begin += kUsersAtOnce) {
        std::vector<std::string_view> words = {"HSET", keys.holders};
        const std::size_t end = std::min(begin + kUsersAtOnce, stored.users.size());
        for (std::size_t i = begin; i < end; ++i) {
            words.emplace_back(stored.users[i]);
            words.emplace_back("stored");
        }
        redis.command(words);
    }
    // Last, for with it the others take tickets again. Several may be restoring at once: one of
    // them brings the counter and the returned tickets back.
    restore_script().run(
        redis, {keys.tickets, keys.returned},
        {std::to_string(stored.highest), fmt::to_string(fmt::join(stored.returned, ","))});
}

TicketHold::TicketHold(Context& context, std::string_view campaign, std::string_view user)
    : context_(context), keys_(campaign), user_(user), token_(context.unique_token()) {}

TicketHold::~TicketHold() {
    try {
        if (maybe_held_) run(let_go_script(), "return");
    } catch (const RedisError&) {  // NOLINT(bugprone-empty-catch): see the declaration
    }
}

std::int64_t TicketHold::take(std::int64_t last) {
    maybe_held_ = true;
    const std::int64_t answer = run(take_script(), std::to_string(last));
    maybe_held_ = answer > 0;
    return answer;
}

void TicketHold::settle() {
    maybe_held_ = false;
    try {
        run(settle_script(), "");
    } catch (const RedisError&) {  // NOLINT(bugprone-empty-catch): see the declaration
    }
}

void TicketHold::drop() {
    run(let_go_script(), "drop");
    maybe_held_ = false;
}

std::int64_t TicketHold::run(const Script& script, std::string_view last) {
    for (int attempt = 1;; ++attempt) {
        try {
            return script
                .run(context_.redis(), {keys_.tickets, keys_.returned, keys_.holders, keys_.holds},
                     {user_, token_, last})
                .integer();
        } catch (const RedisError& error) {
            if (!is_connection_lost(error) || attempt == kScriptAttempts) throw;
        }
    }
}

}  // namespace claimstorm::reference
