#include <catch2/catch.hpp>

#include "checkers/carried.h"
#include "tests/support/evidence_builder.h"

namespace claimstorm::test {
namespace {

std::vector<std::string> notes_of(const EvidenceBuilder& story) {
    const Evidence& evidence = story;
    return notes_on_columns(evidence.after);
}

}  // namespace

TEST_CASE("a column that all rows carry, or none, is no remark") {
    CHECK(partly_carried(0, 1000, "ticket").empty());
    CHECK(partly_carried(1000, 1000, "ticket").empty());
    CHECK(partly_carried(0, 0, "ticket").empty());
    CHECK(partly_carried(17, 1000, "ticket") == "17 of 1,000 rows have no ticket");
    CHECK(partly_carried(1, 2, "ticket") == "1 of 2 rows has no ticket");
    CHECK(notes_of(storm(9).row("a", "1").row("b", "2")).empty());
    CHECK(notes_of(storm(9).row("a", "1").ticket(1).cents(5).payout("1", 5, "a")).empty());
    CHECK(notes_of(storm(9).row("a")).empty());
    CHECK(notes_of(storm(9).no_claims_query()).empty());
    CHECK(notes_of(storm(9).claims_unreadable("gone")).empty());
}

TEST_CASE("each column that some rows lack is named with their number and what is open") {
    const auto story = storm(9).row("a", "1").ticket(1).cents(5).row("b", "2").row("c", "3");
    CHECK(notes_of(story) ==
          std::vector<std::string>{"mysql.claims: 2 of 3 rows have no ticket: the column ticket is "
                                   "NULL or missing there; whether "
                                   "these share a number is open",
                                   "mysql.claims: 2 of 3 rows have no amount: the column "
                                   "amount_cents is NULL or missing there; "
                                   "what they add up to is open"});
    CHECK(notes_of(storm(9).row("a", "1").row("b").row("c", "3")) ==
          std::vector<std::string>{"mysql.claims: 1 of 3 rows has no claim id: the column claim_id "
                                   "is NULL, empty or missing "
                                   "there; rows are then counted by their user, not matched"});
    CHECK(notes_of(storm(9).payout("1", 5, "b").payout("", 5, "a").payout("3", 5)) ==
          std::vector<std::string>{
              "mysql.payouts: 1 of 3 rows has no claim id: the column claim_id is NULL, empty or "
              "missing "
              "there; these pay no claim that is known",
              "mysql.payouts: 1 of 3 rows has no user: the column user is NULL there; whom these "
              "paid is not judged"});
}

}  // namespace claimstorm::test
