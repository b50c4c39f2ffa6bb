#pragma once

#include <barrier>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "reference_server/campaign_store.h"
#include "reference_server/flows.h"
#include "tests/support/shared_lab.h"

namespace claimstorm::test {

using namespace reference;

inline StoreAddresses lab_stores() {
    StoreAddresses stores;
    stores.mysql = parse_mysql_url(shared_lab().mysql_url());
    stores.redis = parse_redis_url(shared_lab().redis_url());
    return stores;
}

/// A flow without the server around it, and a campaign at its start.
struct Bench {
    explicit Bench(const std::string& name, std::int64_t stock,
                   const std::vector<std::string>& options = {})
        : entry(find_flow(name)),
          flow(entry.make(FlowOptions(entry.name, entry.options, options))),
          context(lab_stores(), nullptr) {
        campaign.id = "bench";
        campaign.stock = stock;
        campaign.kind = entry.kind;
        if (entry.kind == CampaignKind::envelope) campaign.budget_cents = 100 * stock;
        flow->create_schema(context);
        flow->prepare(context, campaign);
    }
    Outcome claim(const std::string& user) { return claim(context, user); }
    Outcome claim(Context& with, const std::string& user) const {
        return flow->claim(with, campaign, user).outcome;
    }
    CampaignState state() { return flow->state(context, campaign); }
    std::set<std::string> cached_users() {
        std::set<std::string> users;
        const auto reply = context.redis().command({"SMEMBERS", key_of(campaign.id, "users")});
        for (const Reply& user : reply.elements()) users.insert(user.text());
        return users;
    }

    FlowEntry entry;
    std::unique_ptr<Flow> flow;
    Context context;
    Campaign campaign;
};

/// Runs two claims so that both have reached `step` before either goes on: the interleaving that
/// a lock or a recheck has to survive. A claim that never reaches it leaves the barrier.
struct Meeting {
    explicit Meeting(std::string step) : step_(std::move(step)) {}

    std::pair<Outcome, Outcome> run(const Bench& bench, const std::string& one,
                                    const std::string& other) {
        Outcome outcomes[2] = {};
        std::thread threads[2];
        const std::string users[2] = {one, other};
        for (int i = 0; i < 2; ++i) {
            threads[i] = std::thread([&, i] {
                bool arrived = false;
                const StepHook hook = [&](Context&, std::string_view step) {
                    if (step != step_ || arrived) return;
                    arrived = true;
                    barrier_.arrive_and_wait();
                };
                Context context(lab_stores(), &hook);
                outcomes[i] = bench.claim(context, users[i]);
                if (!arrived) barrier_.arrive_and_drop();
            });
        }
        for (std::thread& thread : threads) thread.join();
        return {outcomes[0], outcomes[1]};
    }

  private:
    std::string step_;
    std::barrier<> barrier_{2};
};

struct Rows {
    std::int64_t claims = 0;
    std::int64_t users = 0;
};

/// `table`: where the flow stores its claims, see ClaimTable.
inline Rows rows_of(const std::string& campaign, const std::string& table = "claims") {
    MysqlConnection mysql(lab_stores().mysql);
    const auto row = mysql.query_one("SELECT COUNT(*) AS n, COUNT(DISTINCT user_id) AS u FROM " +
                                         table + " WHERE campaign_id = ?",
                                     {campaign});
    return {row->int64("n"), row->int64("u")};
}

}  // namespace claimstorm::test
