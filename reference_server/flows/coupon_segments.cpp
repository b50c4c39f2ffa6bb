// coupon/segments: the stock is split over k keys, and each user has only one of them.
//
//   1. The user's segment is the hash of the user's name modulo `segments`.
//   2. DECR that segment's counter. Below zero: INCR, sold out.
//   3. and 4. One MySQL transaction: the claim row, in a table with a unique key over coupon and
//      user: refused as a duplicate, the user has claimed. remaining-1, the sold-out mark in the
//      same statement.
//   5. If the transaction fails or refuses: INCR the segment.
//
// Found in public code, against the hot key that takes the whole crowd. The segments' counters sum
// up to the stock exactly: stock/k each, one more in the first stock mod k.
//
// Guarantees never more claims than stock, and one claim a user.
//
// What breaks it, without any fault or even a race: users do not spread evenly. Where more users
// come to a segment than it has units, they are told "sold out" while others' units are never asked
// for (undersell, false sold-out); the counters agree with each other all the time. The fewer users
// there are for each unit, and the more segments, the more is left.
#include <memory>

#include "reference_server/flows.h"
#include "reference_server/flows/segmented_coupon.h"

namespace claimstorm::reference {

FlowEntry coupon_segments() {
    FlowEntry entry;
    entry.name = "coupon/segments";
    entry.about = "The stock split over k keys, one of them tried: leftovers are never sold.";
    entry.options = segment_options();
    entry.steps = segment_steps();
    entry.make = [](const FlowOptions& options) -> std::unique_ptr<Flow> {
        return std::make_unique<SegmentedCoupon>(options, Split::exact);
    };
    return entry;
}

}  // namespace claimstorm::reference
