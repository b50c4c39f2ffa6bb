#include <catch2/catch.hpp>

#include "tests/support/planted_run.h"

namespace claimstorm::test {
namespace {

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& store_plants() {
    static const std::vector<Plant> plants = {
        {"a row of somebody who took no part",
         unsold(),
         [](Spoiled& s) {
             s.rows().push_back({s.stranger(), s.new_id()});
             s.set().push_back(s.stranger());
             s.count(-1, -1);
         },
         {"phantom_claims"}},
        {"a row of a loser, counted by the database alone",
         sold(),
         [](Spoiled& s) {
             s.rows().push_back({s.early_loser().user, s.new_id()});
             s.set().push_back(s.rows().back().user);
             s.count(0, -1);
         },
         {"oversell", "phantom_claims", "cache_drift"}},
        {"a row of a loser, counted by both",
         sold(),
         [](Spoiled& s) {
             s.rows().push_back({s.early_loser().user, s.new_id()});
             s.set().push_back(s.rows().back().user);
             s.count(-1, -1);
         },
         {"oversell", "phantom_claims", "over_decrement"}},
        {"a second row of one user",
         unsold(),
         [](Spoiled& s) {
             s.rows().push_back({s.rows()[s.any_claim()].user, s.new_id()});
             s.count(-1, -1);
         },
         {"duplicate_users"}},
        {"a row that is gone, and nothing knows",
         unsold(),
         [](Spoiled& s) { s.drop_row(s.any_claim()); },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift"}},
        {"a row that is gone, after all went",
         sold(),
         [](Spoiled& s) { s.drop_row(s.any_claim()); },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift", "sold_out_flag",
          "false_sold_out", "undersell"}},
        {"a row under the name of somebody else",
         unsold(),
         [](Spoiled& s) { s.rows()[s.any_claim()].user = s.stranger(); },
         {"lost_claims", "phantom_claims", "user_set_drift"}},
        {"a row under the name of another holder",
         unsold(),
         [](Spoiled& s) { s.rows()[0].user = s.rows()[1].user; },
         {"lost_claims", "duplicate_users", "user_set_drift"}},
        {"the cache offers one that is gone",
         unsold(),
         [](Spoiled& s) { s.count(1, 0); },
         {"cache_drift"}},
        {"the cache lost one", unsold(), [](Spoiled& s) { s.count(-1, 0); }, {"cache_drift"}},
        {"the cache offers one after all went",
         sold(),
         [](Spoiled& s) { s.count(1, 0); },
         {"cache_drift"}},
        {"the cache is below zero",
         sold(),
         [](Spoiled& s) { s.count(-1, 0); },
         {"cache_drift", "over_decrement"}},
        {"the database's counter is too high",
         unsold(),
         [](Spoiled& s) { s.count(0, 1); },
         {"database_drift"}},
        {"the database's counter is too low",
         unsold(),
         [](Spoiled& s) { s.count(0, -1); },
         {"database_drift"}},
        {"both counters lost one",
         unsold(),
         [](Spoiled& s) { s.count(-1, -1); },
         {"cache_drift", "database_drift"}},
        {"marked sold out too early",
         unsold(),
         [](Spoiled& s) { s.after().sold_out = true; },
         {"sold_out_flag"}},
        {"not marked sold out",
         sold(),
         [](Spoiled& s) { s.after().sold_out = false; },
         {"sold_out_flag"}},
        {"a holder is not in the cache's set",
         unsold(),
         [](Spoiled& s) { s.drop_from_set(s.rows()[s.any_claim()].user); },
         {"user_set_drift"}},
        {"a loser is in the cache's set",
         sold(),
         [](Spoiled& s) { s.set().push_back(s.early_loser().user); },
         {"user_set_drift"}},
        {"a claim stays queued that nothing counts",
         unsold(),
         [](Spoiled& s) { s.after().backlog = std::int64_t{1}; },
         {"cache_drift"}},
        {"a lock for ever",
         unsold(),
         [](Spoiled& s) {
             s.after().locks = std::vector<LockSeen>{{"lock:c1", -1}};
         },
         {"stuck_lock"}},
        {"a lock that is renewed for nobody",
         unsold(),
         [](Spoiled& s) {
             s.evidence().before.locks = std::vector<LockSeen>{{"lock:c1", 900}};
             s.after().locks = std::vector<LockSeen>{{"lock:c1", 900}};
         },
         {"stuck_lock"}},
    };
    return plants;
}

}  // namespace

TEST_CASE("a store that went wrong is found by the checks that name it, and no others", "[sweep]") {
    find_each(store_plants());
}

}  // namespace claimstorm::test
