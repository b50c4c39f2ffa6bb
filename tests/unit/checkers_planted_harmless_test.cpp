#include <catch2/catch.hpp>

#include "tests/support/planted_run.h"

namespace claimstorm::test {
namespace {

const std::vector<Plant>& harmless_plants() {
    static const std::vector<Plant> plants = {
        {"nothing", envelopes(), [](Spoiled&) {}, {}},
        {"an answer that was lost",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::unknown;
             attempt.done_ns = kNever;
             attempt.claim_id = kNoText;
         },
         {}},
        {"a grant told again long after all went",
         sold(),
         [](Spoiled& s) {
             const Attempt grant = s.grant_of(s.any_claim());
             s.attempt(grant.user, Outcome::granted, 900, 950).claim_id = grant.claim_id;
         },
         {}},
        {"somebody who was throttled",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::throttled, 0, 5); },
         {}},
        {"a lock that goes by itself",
         sold(),
         [](Spoiled& s) {
             s.after().locks = std::vector<LockSeen>{{"lock:c1", 900}};
         },
         {}},
        {"a refusal as long as the storm",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, -9, 900); },
         {}},
    };
    return plants;
}

}  // namespace

TEST_CASE("what a sound service does now and then is found by none", "[sweep]") {
    find_each(harmless_plants());
}

}  // namespace claimstorm::test
