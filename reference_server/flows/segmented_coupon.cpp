#include "reference_server/flows/segmented_coupon.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference_server/campaign_store.h"
#include "reference_server/flows/coupon_reads.h"

namespace claimstorm::reference {
namespace {

/// FNV-1a, its bits mixed once more, since names that count up ("u1", "u2") would otherwise spread
/// more evenly than users do. The same user is in the same segment wherever this runs.
std::uint64_t hash_of(std::string_view text) noexcept {
    std::uint64_t hash = 14695981039346656037ULL;
    for (const char byte : text) {
        hash ^= static_cast<unsigned char>(byte);
        hash *= 1099511628211ULL;
    }
    hash = (hash ^ (hash >> 32U)) * 0x9e3779b97f4a7c15ULL;
    return hash ^ (hash >> 29U);
}

}  // namespace

std::int64_t segment_stock(std::int64_t stock, std::int64_t segments, std::int64_t number,
                           Split split) noexcept {
    if (split == Split::rounded_up) return (stock + segments - 1) / segments;
    return stock / segments + (number < stock % segments ? 1 : 0);
}

SegmentedCoupon::SegmentedCoupon(const FlowOptions& options, Split split)
    : CouponFlow(Counter::none, ClaimTable::unique_claims),
      segments_(options.count("segments")),
      split_(split) {}

std::string SegmentedCoupon::segment_key(std::string_view campaign, std::int64_t number) {
    return key_of(campaign, fmt::format("remaining:{}", number));
}

std::string SegmentedCoupon::key_for(std::string_view campaign, std::string_view user) const {
    const auto segments = static_cast<std::uint64_t>(segments_);
    return segment_key(campaign, static_cast<std::int64_t>(hash_of(user) % segments));
}

void SegmentedCoupon::prepare(Context& context, const Campaign& campaign) {
    CouponFlow::prepare(context, campaign);
    RedisConnection& redis = context.redis();
    for (std::int64_t number = 0; number < segments_; ++number) {
        redis.command({"SET", segment_key(campaign.id, number),
                       std::to_string(segment_stock(campaign.stock, segments_, number, split_))});
    }
}

ClaimResult SegmentedCoupon::claim(Context& context, const Campaign& campaign,
                                   std::string_view user) {
    // Step 1.
    const std::string segment = key_for(campaign.id, user);
    context.step("before_decrement");
    // Step 2.
    if (context.redis().command({"DECR", segment}).integer() < 0) {
        context.redis().command({"INCR", segment});
        return {Outcome::sold_out};
    }
    std::optional<std::uint64_t> claim_id;
    try {
        context.step("after_decrement");
        // Steps 3 and 4.
        MysqlConnection& mysql = context.mysql();
        Transaction transaction(mysql);
        claim_id = insert_unique_claim(mysql, campaign, user);
        if (claim_id) {
            mysql.execute(
                "UPDATE campaigns SET sold_out = (remaining <= 1), remaining = remaining - 1"
                " WHERE id = ?",
                {campaign.id});
            context.step("before_commit");
            transaction.commit();
        }
    } catch (...) {
        context.redis().command({"INCR", segment});  // step 5
        throw;
    }
    if (!claim_id) {
        context.redis().command({"INCR", segment});  // step 5
        return {Outcome::already_claimed};
    }
    context.step("after_commit");
    return granted(*claim_id);
}

CampaignState SegmentedCoupon::state(Context& context, const Campaign& campaign) {
    CampaignState state = CouponFlow::state(context, campaign);
    for (std::int64_t number = 0; number < segments_; ++number) {
        const Reply cached = context.redis().command({"GET", segment_key(campaign.id, number)});
        if (!cached.is_nil()) {
            state.cache_remaining = state.cache_remaining.value_or(0) + cached.integer();
        }
    }
    return state;
}

nlohmann::ordered_json SegmentedCoupon::evidence() const {
    auto evidence = CouponFlow::evidence();
    auto commands = nlohmann::ordered_json::array();
    for (std::int64_t number = 0; number < segments_; ++number) {
        commands.push_back(
            nlohmann::ordered_json::array({"GET", segment_key("{campaign}", number)}));
    }
    evidence["redis"]["remaining"] = std::move(commands);
    return evidence;
}

std::vector<OptionSpec> segment_options() {
    return {count_option("segments", "8", "over how many keys the stock is split", 1, 1024)};
}

std::vector<std::string> segment_steps() {
    return {"before_decrement", "after_decrement", "before_commit", "after_commit"};
}

}  // namespace claimstorm::reference
