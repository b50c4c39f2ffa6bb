#include <catch2/catch.hpp>

#include "tests/support/planted_run.h"

namespace claimstorm::test {
namespace {

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& history_plants() {
    static const std::vector<Plant> plants = {
        {"a refused user is granted a claim that is stored",
         sold(),
         [](Spoiled& s) {
             Attempt& loser = s.early_loser();
             loser.sent_ns = std::min(loser.sent_ns, s.first_refused().done_ns);
             loser.outcome = Outcome::granted;
             loser.claim_id = s.new_id();
             s.rows().push_back({loser.user, loser.claim_id});
             s.set().push_back(loser.user);
         },
         {"oversell", "promised_oversell", "cache_drift", "database_drift", "linearizable"}},
        {"a refused user is granted a claim that is not stored",
         sold(),
         [](Spoiled& s) {
             Attempt& loser = s.early_loser();
             loser.sent_ns = std::min(loser.sent_ns, s.first_refused().done_ns);
             loser.outcome = Outcome::granted;
             loser.claim_id = s.new_id();
         },
         {"promised_oversell", "lost_claims", "linearizable"}},
        {"a grant whose row is gone, with all that counts it",
         unsold(),
         [](Spoiled& s) {
             const std::size_t row = s.any_claim();
             s.drop_from_set(s.rows()[row].user);
             s.drop_row(row);
             s.count(1, 1);
         },
         {"lost_claims"}},
        {"a second grant of another claim, not stored",
         unsold(),
         [](Spoiled& s) {
             const UserId user = s.rows()[s.any_claim()].user;
             s.attempt(user, Outcome::granted, 900, 950).claim_id = s.new_id();
         },
         {"duplicate_users", "lost_claims", "linearizable"}},
        {"a second grant of another claim, stored",
         unsold(),
         [](Spoiled& s) {
             const UserId user = s.rows()[s.any_claim()].user;
             s.attempt(user, Outcome::granted, 900, 950).claim_id = s.new_id();
             s.rows().push_back({user, s.attempts().back().claim_id});
             s.count(-1, -1);
         },
         {"duplicate_users", "linearizable"}},
        {"two users are told each other's claim",
         unsold(),
         [](Spoiled& s) { std::swap(s.grant_of(0).claim_id, s.grant_of(1).claim_id); },
         {"lost_claims"}},
        {"a holder was only told already_claimed",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::already_claimed; },
         {"phantom_claims", "linearizable"}},
        {"a holder was only throttled",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::throttled; },
         {"phantom_claims"}},
        {"a holder was only rejected",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::rejected; },
         {"phantom_claims"}},
        {"a holder never sent anything",
         unsold(),
         [](Spoiled& s) { s.grant_of(s.any_claim()).outcome = Outcome::not_sent; },
         {"phantom_claims"}},
        {"a holder was told sold_out, and much is left",
         unsold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
         },
         {"phantom_claims", "false_sold_out", "linearizable"}},
        {"a holder was told sold_out, and all went",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.any_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
         },
         {"phantom_claims", "linearizable"}},
        {"somebody is told sold_out while much is left",
         unsold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, 900, 950); },
         {"false_sold_out", "linearizable"}},
        {"somebody is told sold_out before the first claim",
         sold(),
         [](Spoiled& s) { s.attempt(s.stranger(), Outcome::sold_out, -9, -1); },
         {"claim_order", "linearizable"}},
        {"a claim begins after the first refusal was told",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.sent_ns = s.first_refused().done_ns + 1;
             attempt.done_ns = attempt.sent_ns + 5;
         },
         {"claim_order", "linearizable"}},
        {"a claim nobody was told of begins after the first refusal",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.outcome = Outcome::unknown;
             attempt.sent_ns = s.first_refused().done_ns + 1;
             attempt.done_ns = kNever;
         },
         {"claim_order", "linearizable"}},
        {"already_claimed is told before the claim begins",
         unsold(),
         [](Spoiled& s) {
             const Attempt& grant = s.grant_of(s.any_claim());
             const TimeNs before = grant.sent_ns - 1;
             s.attempt(grant.user, Outcome::already_claimed, before - 5, before);
         },
         {"linearizable"}},
        {"a loser is told already_claimed",
         sold(),
         [](Spoiled& s) { s.early_loser().outcome = Outcome::already_claimed; },
         {"linearizable"}},
        {"a holder is told sold_out where duplicates come first",
         sold(),
         [](Spoiled& s) { s.attempt(s.rows()[s.any_claim()].user, Outcome::sold_out, 900, 950); },
         {"linearizable"}},
        {"a claim that never was: one unit too few went",
         sold(),
         [](Spoiled& s) {
             Attempt& attempt = s.grant_of(s.last_claim());
             attempt.outcome = Outcome::sold_out;
             attempt.sent_ns = s.end_of_all() + 1;
             attempt.done_ns = s.end_of_all() + 2;
             s.drop_from_set(attempt.user);
             s.drop_row(s.last_claim());
             s.count(1, 1);
             s.after().sold_out = false;
         },
         {"false_sold_out", "undersell", "linearizable"}},
    };
    return plants;
}

}  // namespace

TEST_CASE("an answer that cannot be right is found by the checks that name it, and no others",
          "[sweep]") {
    find_each(history_plants());
}

}  // namespace claimstorm::test
