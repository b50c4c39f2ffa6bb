// coupon/lua-off-by-one: the gate refuses when the counter is below zero.
//
//   1. and 2. In one script: the user is not in the set of those who have claimed, the counter is
//      *not below zero*; then DECR, and SADD the user.
//   3. and 4. One MySQL transaction: the claim row; remaining-1, the sold-out mark in the same
//      statement.
//   5. If the transaction fails: one script gives the unit back and takes the user out.
//
// Found in public code: `if stock < 0` where `if stock <= 0` is meant, written by somebody who had
// the value *behind* the decrement in mind.
//
// Guarantees one claim a user, and exactly stock + 1 claims.
//
// What breaks it, without any fault or even a race: at zero the gate lets one more through. No
// concurrency test is needed to find it, only one that counts to the end: the counters agree with
// the claims (both at -1), so comparing them with each other finds nothing.

#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

enum Gate : std::int64_t { passed = 1, sold_out = 0, already = -1 };

const Script& gate_script() {
    // KEYS: counter, users. ARGV: user.
    static const Script script(
        "if redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 1 then return -1 end\n"
        "if tonumber(redis.call('GET', KEYS[1])) < 0 then return 0 end\n"
        "redis.call('DECR', KEYS[1])\n"
        "redis.call('SADD', KEYS[2], ARGV[1])\n"
        "return 1\n");
    return script;
}

const Script& give_back_script() {
    // KEYS and ARGV as above.
    static const Script script(
        "redis.call('SREM', KEYS[2], ARGV[1])\n"
        "return redis.call('INCR', KEYS[1])\n");
    return script;
}

class CouponLuaOffByOne : public Flow {
  public:
    void check(const Campaign& campaign) const override {
        if (campaign.per_user != 1) {
            throw BadRequest("coupon/lua-off-by-one keeps its users in a set: per_user must be 1");
        }
    }

    void prepare(Context& context, const Campaign& campaign) override {
        Flow::prepare(context, campaign);
        context.redis().command({"DEL", key_of(campaign.id, "users")});
    }

    ClaimResult claim(Context& context, const Campaign& campaign, std::string_view user) override {
        const std::string counter = remaining_key(campaign.id);
        const std::string users = key_of(campaign.id, "users");
        // Steps 1 and 2.
        switch (gate_script().run(context.redis(), {counter, users}, {user}).integer()) {
            case Gate::sold_out:
                return {Outcome::sold_out};
            case Gate::already:
                return {Outcome::already_claimed};
            default:
                break;
        }
        std::uint64_t claim_id = 0;
        try {
            context.step("after_gate");
            // Steps 3 and 4.
            MysqlConnection& mysql = context.mysql();
            Transaction transaction(mysql);
            claim_id = insert_claim(mysql, campaign, user);
            mysql.execute(
                "UPDATE campaigns SET sold_out = (remaining <= 1), remaining = remaining - 1"
                " WHERE id = ?",
                {campaign.id});
            context.step("before_commit");
            transaction.commit();
        } catch (...) {
            // Step 5; the transaction was rolled back when it went out of scope.
            give_back_script().run(context.redis(), {counter, users}, {user});
            throw;
        }
        context.step("after_commit");
        return granted(claim_id);
    }

    nlohmann::ordered_json evidence() const override {
        auto evidence = Flow::evidence();
        evidence["redis"]["users"] = {{"set", key_of("{campaign}", "users")}};
        return evidence;
    }
};

}  // namespace

FlowEntry coupon_lua_off_by_one() {
    FlowEntry entry;
    entry.name = "coupon/lua-off-by-one";
    entry.about = "The Lua gate with < 0 where <= 0 is meant: one too many, every time.";
    entry.steps = {"after_gate", "before_commit", "after_commit"};
    entry.make = make_flow<CouponLuaOffByOne>;
    return entry;
}

}  // namespace claimstorm::reference
