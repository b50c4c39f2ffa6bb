// coupon/lua-gate: one Lua script decides, the database follows.
//
//   1. and 2. In one script, so that nothing comes between: the user is not in the set of those who
//      have claimed, the counter is above zero; then DECR, and SADD the user.
//   3. and 4. One MySQL transaction: the claim row, whose table has a unique key over campaign and
//      user; remaining-1 guarded by remaining > 0, the sold-out mark in the same statement.
//   5. If the transaction fails for certain: one script gives the unit back and takes the user out.
//
// Follows no article; public flash-sale code does it over and over, mostly without step 5.
//
// Guarantees: never more than the stock, one claim a user, and at rest cache = database = stock -
// claims and the set = the users with a row. Why it holds:
//   - The gate is atomic, and there is no other way to the database.
//   - The gate notes which attempt holds the unit, by a token nobody else has. So a gate whose
//     reply was lost is asked again and answers the same, and giving back is done once however
//     often it is said.
//   - When COMMIT's reply is lost, the outcome is unknown, and giving back would sell the unit
//     twice. So the row is looked for first (claim_transaction.h): there, granted; gone for
//     certain, given back; not to be learned, the unit stays taken and the client is told 500.
//   - Should Redis come back with an older counter, the guarded update still refuses what the stock
//     does not cover; the user is taken out, the unit is not given back.
//   - Should it come back older, without some who have claimed, the unique key still refuses them.
//     The gate took user and unit in one script and forgot them together: the refused claim has put
//     both back where they were, so the user stays in the set and the unit taken.
//
// What it cannot do: between 2 and 5 a unit is taken that may yet come back. Who asks meanwhile is
// told "sold out" or, on a second click, "already claimed", although the claim then fails. And
// where the set alone was lost and the counter was not, each user refused by the unique key costs a
// unit: unsold until reconcile, never sold twice.
//
// What it promises under faults: never an oversell, a duplicate or a lost claim, and
//   - An exception at after_gate or before_commit: rolled back, unit and user given back, 500. At
//     after_commit: 500, although the claim is stored: recovered when the client asks again.
//   - A crash at after_gate or before_commit: nothing is stored, but the unit stays taken and the
//     user locked out: the cache below the database, one unit unsold (undersell, false sold-out).
//     The same goes for every other claim that was between gate and COMMIT when the process died.
//     Repaired by reconcile: counter and set are put to what the claims say, and the units can be
//     claimed again.
//   - A crash at after_commit: nothing is out of step; the client does not know, asking again tells
//     "already claimed". So does a lost reply.
//   - A pause: the claim takes longer; a unit it may give back comes back later.
//   - The cache lost with all its keys: every claim is told 500, for a missing counter is no
//     sell-out, and nothing is sold until reconcile has made counter and set anew.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/claim_transaction.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_flow.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

constexpr int kScriptAttempts = 3;
constexpr std::size_t kUsersAtOnce = 1000;

enum Gate : std::int64_t { passed = 1, sold_out = 0, already = -1, no_counter = -2 };

const Script& gate_script() {
    // KEYS: counter, users, holders. ARGV: user, token.
    static const Script script(
        "if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then\n"
        "  if redis.call('HGET', KEYS[3], ARGV[1]) == ARGV[2] then return 1 end\n"
        "  return -1\n"
        "end\n"
        "local left = tonumber(redis.call('GET', KEYS[1]) or '')\n"
        "if not left then return -2 end\n"
        "if left <= 0 then return 0 end\n"
        "redis.call('DECR', KEYS[1])\n"
        "redis.call('SADD', KEYS[2], ARGV[1])\n"
        "redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])\n"
        "return 1\n");
    return script;
}

const Script& give_back_script() {
    // KEYS and ARGV as above; ARGV[3]: the units to give back, 1 or 0.
    static const Script script(
        "if redis.call('HGET', KEYS[3], ARGV[1]) ~= ARGV[2] then return 0 end\n"
        "redis.call('HDEL', KEYS[3], ARGV[1])\n"
        "redis.call('SREM', KEYS[2], ARGV[1])\n"
        "redis.call('INCRBY', KEYS[1], ARGV[3])\n"
        "return 1\n");
    return script;
}

const Script& rebuild_script() {
    // KEYS: counter, users, holders, the users with a row. ARGV: the units left.
    // Returns the counter it found, how many users it released, how many it added.
    static const Script script(
        "local found = redis.call('GET', KEYS[1])\n"
        "local released = #redis.call('SDIFF', KEYS[2], KEYS[4])\n"
        "local added = #redis.call('SDIFF', KEYS[4], KEYS[2])\n"
        "redis.call('DEL', KEYS[2], KEYS[3])\n"
        "if redis.call('EXISTS', KEYS[4]) == 1 then redis.call('RENAME', KEYS[4], KEYS[2]) end\n"
        "redis.call('SET', KEYS[1], ARGV[1])\n"
        "return {found, released, added}\n");
    return script;
}

/// One attempt's hold on a unit in the cache: given back unless kept.
class Reservation {
  public:
    Reservation(Context& context, const Campaign& campaign, std::string_view user)
        : context_(context),
          counter_(remaining_key(campaign.id)),
          users_(key_of(campaign.id, "users")),
          holders_(key_of(campaign.id, "holders")),
          user_(user),
          token_(context.unique_token()) {}

    /// Whatever the destructor cannot give back stays taken: rather one unsold than one sold twice.
    ~Reservation() {
        try {
            if (maybe_held_) run(give_back_script(), units_to_give_back_);
        } catch (...) {  // NOLINT(bugprone-empty-catch): see above
        }
    }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    /// Throws RedisError; the destructor then gives back what a lost reply may have taken.
    std::int64_t take() {
        maybe_held_ = true;
        const std::int64_t answer = run(gate_script(), "");
        maybe_held_ = answer == Gate::passed;
        return answer;
    }

    void keep() noexcept { maybe_held_ = false; }
    /// The counter was wrong: release the user, but bring no unit back.
    void drop_unit() noexcept { units_to_give_back_ = "0"; }

  private:
    std::int64_t run(const Script& script, std::string_view last) {
        for (int attempt = 1;; ++attempt) {
            try {
                return script
                    .run(context_.redis(), {counter_, users_, holders_}, {user_, token_, last})
                    .integer();
            } catch (const RedisError& error) {
                if (!is_connection_lost(error) || attempt == kScriptAttempts) throw;
            }
        }
    }

    Context& context_;
    std::string counter_;
    std::string users_;
    std::string holders_;
    std::string user_;
    std::string token_;
    std::string_view units_to_give_back_ = "1";
    bool maybe_held_ = false;
};

class CouponLuaGate : public CouponFlow {
  public:
    CouponLuaGate() : CouponFlow(Counter::in_cache, ClaimTable::unique_claims) {}

    void prepare(Context& context, const Campaign& campaign) override {
        CouponFlow::prepare(context, campaign);
        context.redis().command(
            {"DEL", key_of(campaign.id, "users"), key_of(campaign.id, "holders")});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        // Steps 1 and 2.
        Reservation reservation(context, campaign, user);
        switch (reservation.take()) {
            case Gate::passed:
                break;
            case Gate::sold_out:
                return {Outcome::sold_out};
            case Gate::already:
                return {Outcome::already_claimed};
            default:
                throw EnvironmentError(fmt::format(
                    "the counter of '{}' is not in Redis; create the campaign again", campaign.id));
        }
        context.step("after_gate");

        // Steps 3 and 4. The campaign's row, which all claims share, is locked as late as possible.
        Outcome refusal = Outcome::sold_out;
        const ClaimTransaction stored = run_claim_transaction(
            context,
            [&](MysqlConnection& mysql) -> std::optional<std::uint64_t> {
                const auto claim_id = insert_unique_claim(mysql, campaign, user);
                refusal = Outcome::already_claimed;
                if (!claim_id) return std::nullopt;
                const MysqlDone sold = mysql.execute(
                    "UPDATE campaigns SET sold_out = (remaining = 1), remaining = remaining - 1"
                    " WHERE id = ? AND remaining > 0",
                    {campaign.id});
                refusal = Outcome::sold_out;
                if (sold.affected_rows != 1) return std::nullopt;
                context.step("before_commit");
                return claim_id;
            },
            is_in_unique_claims(campaign, user));
        settle(reservation, stored.fate, refusal);
        context.step("after_commit");

        return answer(stored, refusal);  // step 5 is the reservation's destructor
    }

    std::optional<nlohmann::ordered_json> reconcile(Context& context,
                                                    const Campaign& campaign) override {
        // The set is built beside the one in use, so that an interrupted repair changes nothing.
        const std::string stored = key_of(campaign.id, "users:stored");
        // All is read before anything is sent: a read that fails half-way leaves nothing unanswered
        // on the connection to Redis.
        const auto users = users_with_row(context.mysql(), campaign);
        store_users(context.redis(), stored, users);
        const std::int64_t left = campaign.stock - static_cast<std::int64_t>(users.size());
        const auto done = rebuild_script()
                              .run(context.redis(),
                                   {remaining_key(campaign.id), key_of(campaign.id, "users"),
                                    key_of(campaign.id, "holders"), stored},
                                   {std::to_string(left)})
                              .elements();
        const auto found = done[0].is_nil() ? nlohmann::ordered_json(nullptr)
                                            : nlohmann::ordered_json(done[0].integer());
        return nlohmann::ordered_json{{"cache_remaining_found", found},
                                      {"cache_remaining", left},
                                      {"users_released", done[1].integer()},
                                      {"users_added", done[2].integer()}};
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = CouponFlow::evidence();
        evidence["redis"]["users"] = {{"set", key_of("{campaign}", "users")}};
        return evidence;
    }

  private:
    /// What the claim took in the gate once its transaction has ended.
    static void settle(Reservation& reservation, Fate fate, Outcome refusal) {
        if (fate == Fate::committed || fate == Fate::unknown) reservation.keep();
        if (fate != Fate::refused) return;
        if (refusal == Outcome::already_claimed) {
            // The gate had forgotten an earlier claim, with its unit: now it has both again.
            reservation.keep();
        } else {
            reservation.drop_unit();
        }
    }

    static std::vector<std::string> users_with_row(MysqlConnection& mysql,
                                                   const Campaign& campaign) {
        std::vector<std::string> users;
        mysql.for_each_row("SELECT user_id FROM unique_claims WHERE campaign_id = ?", {campaign.id},
                           [&](const MysqlRow& row) { users.push_back(row.text(0)); });
        return users;
    }

    /// Makes `set` the set of these users. Throws RedisError.
    static void store_users(RedisConnection& redis, std::string_view set,
                            const std::vector<std::string>& users) {
        redis.command({"DEL", set});
        for (std::size_t from = 0; from < users.size(); from += kUsersAtOnce) {
            const auto batch =
                std::span(users).subspan(from, std::min(kUsersAtOnce, users.size() - from));
            std::vector<std::string_view> words = {"SADD", set};
            words.insert(words.end(), batch.begin(), batch.end());
            redis.command(words);
        }
    }
};

}  // namespace

FlowEntry coupon_lua_gate() {
    FlowEntry entry;
    entry.name = "coupon/lua-gate";
    entry.about = "One Lua script admits, the transaction follows, what fails is given back.";
    entry.sound = true;
    entry.steps = {"after_gate", "before_commit", "after_commit"};
    entry.make = make_flow<CouponLuaGate>;
    return entry;
}

}  // namespace claimstorm::reference
