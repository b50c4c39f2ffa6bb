#include "reference_server/flows.h"

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm::reference {

const std::vector<FlowEntry>& flows() {
    static const std::vector<FlowEntry> table = {
        // Coupons, with locks in Redis.
        coupon_naive(),
        coupon_decrement_lock(),
        coupon_global_lock(),
        coupon_global_lock_setnx_expire(),
        coupon_global_lock_short_ttl(),
        coupon_global_lock_early_unlock(),
        coupon_global_lock_watchdog(),
        coupon_global_lock_fencing(),
        coupon_global_lock_recheck(),

        // Coupons, with one atomic step in the cache.
        coupon_lua_gate(),
        coupon_lua_off_by_one(),
        coupon_decr_no_restore(),
        coupon_lazy_cache(),
        coupon_segments(),
        coupon_segments_rounded_up(),

        // Coupons, with the database alone.
        coupon_row_lock(),
        coupon_row_lock_autocommit(),
        coupon_row_lock_deadlock_ignored(),
        coupon_guarded_update(),
        coupon_guarded_update_unchecked(),
        coupon_guarded_update_half_claim(),
        coupon_optimistic(),
        coupon_insert_ignore(),

        // Coupons, asynchronous.
        coupon_async_stream(),
        coupon_async_stream_ack_first(),
        coupon_async_stream_no_idempotence(),

        // Red envelopes.
        envelope_locked(),
        envelope_locked_unlocked(),
        envelope_id_table(),
        envelope_id_table_guarded(),
        envelope_incr(),
        envelope_incr_once(),
        envelope_incr_once_trusting(),
        envelope_queue(),
    };
    return table;
}

const FlowEntry& find_flow(std::string_view name) {
    std::vector<std::string_view> names;
    for (const FlowEntry& entry : flows()) {
        if (entry.name == name) return entry;
        names.push_back(entry.name);
    }
    throw UsageError(
        fmt::format("--flow: there is no flow '{}'; {}", name,
                    meant_or(name, names, "claimstorm-server --list-flows names them all")));
}

}  // namespace claimstorm::reference
