#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "model/campaign.h"
#include "reference_server/flow.h"
#include "reference_server/flow_options.h"

namespace claimstorm::reference {

/// A flow as the table lists it; each flow's file describes itself.
struct FlowEntry {
    std::string name;
    CampaignKind kind = CampaignKind::coupon;
    std::string about;                ///< one sentence
    bool sound = false;               ///< what its head guarantees holds in every interleaving
    std::vector<OptionSpec> options;  ///< what `--option` may set
    std::vector<std::string> steps;   ///< every name its claims hand to `Context::step`
    std::vector<std::string> background_steps;  ///< the same for its background work
    std::unique_ptr<Flow> (*make)(const FlowOptions& options) = nullptr;
};

/// The usual `FlowEntry::make`: from the options, where the flow takes any.
template <typename Kind>
std::unique_ptr<Flow> make_flow(const FlowOptions& options) {
    if constexpr (std::is_constructible_v<Kind, const FlowOptions&>) {
        return std::make_unique<Kind>(options);
    } else {
        return std::make_unique<Kind>();
    }
}

/// All flows, in the order they are listed.
const std::vector<FlowEntry>& flows();

/// The flow of that name. Throws UsageError with the nearest name.
const FlowEntry& find_flow(std::string_view name);

// One function a flow, defined in its file under flows/.

// Coupons, with locks in Redis.
FlowEntry coupon_naive();
FlowEntry coupon_decrement_lock();
FlowEntry coupon_global_lock();
FlowEntry coupon_global_lock_setnx_expire();
FlowEntry coupon_global_lock_short_ttl();
FlowEntry coupon_global_lock_early_unlock();
FlowEntry coupon_global_lock_watchdog();
FlowEntry coupon_global_lock_fencing();
FlowEntry coupon_global_lock_recheck();

// Coupons, with one atomic step in the cache.
FlowEntry coupon_lua_gate();
FlowEntry coupon_lua_off_by_one();
FlowEntry coupon_decr_no_restore();
FlowEntry coupon_lazy_cache();
FlowEntry coupon_segments();
FlowEntry coupon_segments_rounded_up();

// Coupons, with the database alone.
FlowEntry coupon_row_lock();
FlowEntry coupon_row_lock_autocommit();
FlowEntry coupon_row_lock_deadlock_ignored();
FlowEntry coupon_guarded_update();
FlowEntry coupon_guarded_update_unchecked();
FlowEntry coupon_guarded_update_half_claim();
FlowEntry coupon_optimistic();
FlowEntry coupon_insert_ignore();

// Coupons, asynchronous.
FlowEntry coupon_async_stream();
FlowEntry coupon_async_stream_ack_first();
FlowEntry coupon_async_stream_no_idempotence();

// Red envelopes.
FlowEntry envelope_locked();
FlowEntry envelope_locked_unlocked();
FlowEntry envelope_id_table();
FlowEntry envelope_id_table_guarded();
FlowEntry envelope_incr();
FlowEntry envelope_incr_once();
FlowEntry envelope_incr_once_trusting();
FlowEntry envelope_queue();

}  // namespace claimstorm::reference
