// Property: L >= 0 at rest: the cache's counter never stays below zero.
// Definite: it is one number, read from settled stores. A counter that dips below zero for a moment
// and is restored, as DECR-then-INCR does, is legal; at rest nobody is going to restore it.
// Needs: the cache's counter, settled stores. Neither rows nor history are asked.
// What it means for the people is cache_drift's business: as many rows too many (then both agree,
// and oversell says so), or units taken for refused claims and never given back.
// Cannot see: one part of a sum below zero that another part above zero makes up for; a counter
// that was below zero and was set anew. A counter below zero before the storm is said to be old.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "over_decrement";

}  // namespace

Finding check_over_decrement(const Evidence& evidence) {
    const auto& counter = evidence.after.cache_remaining;
    if (auto finding = unless_read(kName, counter, "cache counter")) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;

    const std::int64_t left = *counter;
    const std::int64_t below = std::max<std::int64_t>(0, -left);
    const auto& before = evidence.before.cache_remaining;
    Finding finding = holds(kName, fmt::format("{} left in the cache", with_commas(left)));
    if (below > 0) {
        finding = violated(kName, fmt::format("the cache is {} below zero: decremented more often "
                                              "than it had units, and not restored",
                                              with_commas(below)));
        if (before.is_read() && *before == left) finding.summary += "; it was so before the storm";
        finding.add_witness([&] {
            Witness witness;
            witness.key = "redis.remaining";
            witness.what = fmt::format("redis.remaining is {}", with_commas(left));
            return witness;
        });
    }
    finding.figures = {{"cache_remaining", left}, {"below_zero", below}};
    if (before.is_read()) finding.figures.push_back({"cache_remaining_before", *before});
    return finding;
}

}  // namespace claimstorm
