#include "reference_server/flows/stream_flow.h"

#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "reference_server/campaign_store.h"
#include "reference_server/flows/stream_claims.h"

namespace claimstorm::reference {
namespace {

/// How long a consumer that found nothing waits: what a claim's answer may be late by.
constexpr std::chrono::milliseconds kNothingToDo{5};

}  // namespace

std::vector<OptionSpec> stream_options() {
    using namespace std::chrono_literals;
    return {count_option("consumers", "2", "threads that store what the gate let through", 1, 64),
            count_option("batch", "16", "claims a consumer reads, and stores in one transaction", 1,
                         1000),
            duration_option("idle", "2s", "when what a consumer read and left is taken over", 1ms,
                            10min)};
}

StreamFlow::StreamFlow(const FlowOptions& options, std::string table)
    : table_(std::move(table)),
      consumers_(options.count("consumers")),
      batch_(options.count("batch")),
      idle_(std::chrono::duration_cast<std::chrono::milliseconds>(options.duration("idle"))) {}

void StreamFlow::check(const Campaign& campaign) const {
    if (campaign.per_user != 1) {
        throw BadRequest("the gate keeps its users in a set: per_user must be 1");
    }
}

void StreamFlow::prepare(Context& context, const Campaign& campaign) {
    MysqlConnection& mysql = context.mysql();
    // From here on a consumer that still holds entries of the campaign's last life stores nothing.
    write_campaign(mysql, campaign);
    mysql.execute(fmt::format("DELETE FROM {} WHERE campaign_id = ?", table_), {campaign.id});
    ClaimStream(context, campaign.id).open(campaign.stock, epoch_of(mysql, campaign.id));
}

ClaimResult StreamFlow::claim(Context& context, const Campaign& campaign, std::string_view user) {
    using Gate = ClaimStream::Gate;
    const std::string claim_id = new_claim_id(context);
    const Gate answer = ClaimStream(context, campaign.id).admit(user, claim_id);
    if (answer == Gate::sold_out) return {Outcome::sold_out};
    if (answer == Gate::already) return {Outcome::already_claimed};
    if (answer != Gate::passed) {
        throw EnvironmentError(fmt::format(
            "Redis has lost the gate of '{}'; reconcile the campaign, or create it again",
            campaign.id));
    }
    context.step("after_gate");
    return {Outcome::pending, claim_id};
}

std::vector<BackgroundWork> StreamFlow::background() {
    std::vector<BackgroundWork> work;
    work.reserve(static_cast<std::size_t>(consumers_));
    for (std::int64_t i = 1; i <= consumers_; ++i) {
        // The same names after a restart: each takes up what its forerunner had read.
        const std::string name = fmt::format("consumer-{}", i);
        work.push_back({name, [this, name](Context& context, const std::stop_token& stop) {
                            run_consumer(context, name, stop);
                        }});
    }
    return work;
}

void StreamFlow::run_consumer(Context& context, const std::string& name,
                              const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        bool found_any = false;
        for (const std::string& campaign : ClaimStream::with_entries(context)) {
            if (stop.stop_requested()) return;
            ClaimStream stream(context, campaign);
            const auto entries = next_entries(stream, name);
            if (entries.empty()) continue;
            found_any = true;
            consume(context, stream, campaign, entries);
        }
        if (!found_any) std::this_thread::sleep_for(kNothingToDo);
    }
}

std::vector<StreamEntry> StreamFlow::next_entries(ClaimStream& stream,
                                                  const std::string& name) const {
    // First what this consumer, or its forerunner of the same name, has read and left: one by one,
    // so that an entry which cannot be stored does not take others with it.
    auto entries = stream.read_unsettled(name);
    if (entries.empty()) entries = stream.read_new(name, batch_);
    if (entries.empty()) entries = stream.take_over(name, batch_, idle_);
    return entries;
}

CampaignState StreamFlow::state(Context& context, const Campaign& campaign) {
    CampaignState state = Flow::state(context, campaign);
    state.claims =
        context.mysql()
            .query_one(fmt::format("SELECT COUNT(user_id) FROM {} WHERE campaign_id = ?", table_),
                       {campaign.id})
            ->int64(0);
    return state;
}

nlohmann::ordered_json StreamFlow::evidence() const {
    const StreamKeys keys("{campaign}");
    auto evidence = Flow::evidence();
    evidence["mysql"]["claims"] = fmt::format(
        "SELECT user_id AS user, claim_id FROM {} WHERE campaign_id = {{campaign}}"
        " AND user_id IS NOT NULL",
        table_);
    evidence["redis"]["users"] = {{"set", keys.users}};
    evidence["redis"]["backlog"] = {"XLEN", keys.stream};
    evidence["poll"] = {
        {"path", "/campaigns/{campaign}/claims/{claim_id}"}, {"every", "20ms"}, {"until", "10s"}};
    return evidence;
}

}  // namespace claimstorm::reference
