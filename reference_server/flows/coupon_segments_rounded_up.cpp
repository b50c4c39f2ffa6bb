// coupon/segments/rounded-up: the segments' counters sum up to more than the stock.
//
//   1. to 5. as coupon/segments: the user's segment by hash, DECR, the claim row behind a unique
//      key, remaining-1, INCR where the claim fails.
//
// Found in public code: stock 100 over 8 keys is 12.5 each, which is rounded up "to be on the safe
// side", so that no unit is left out.
//
// Guarantees one claim a user.
//
// What breaks it, without any fault or even a race: 8 segments of 13 units are 104. Where enough
// users come to each segment, all 104 are sold, and remaining ends at -4. What breaks
// coupon/segments breaks this too.
#include <memory>

#include "reference_server/flows.h"
#include "reference_server/flows/segmented_coupon.h"

namespace claimstorm::reference {

FlowEntry coupon_segments_rounded_up() {
    FlowEntry entry;
    entry.name = "coupon/segments/rounded-up";
    entry.about = "Each segment gets the next whole number of units: together more than the stock.";
    entry.options = segment_options();
    entry.steps = segment_steps();
    entry.make = [](const FlowOptions& options) -> std::unique_ptr<Flow> {
        return std::make_unique<SegmentedCoupon>(options, Split::rounded_up);
    };
    return entry;
}

}  // namespace claimstorm::reference
