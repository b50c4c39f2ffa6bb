#include <catch2/catch.hpp>

#include "tests/support/planted_run.h"

namespace claimstorm::test {
namespace {

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<Plant>& number_plants() {
    static const std::vector<Plant> plants = {
        {"a ticket twice, told and stored",
         numbered(unsold()),
         [](Spoiled& s) { s.set_ticket(8, 8); },
         {"tickets", "linearizable"}},
        {"a ticket twice, stored alone",
         numbered(unsold()),
         [](Spoiled& s) { s.rows()[8].ticket = 8; },
         {"tickets"}},
        {"a ticket told to two users, stored right",
         numbered(unsold()),
         [](Spoiled& s) { s.grant_of(8).ticket = 8; },
         {"tickets", "linearizable"}},
        {"a ticket beyond the stock",
         numbered(sold()),
         [](Spoiled& s) { s.set_ticket(s.last_claim(), s.campaign().stock + 1); },
         {"tickets", "linearizable"}},
        {"ticket zero",
         numbered(unsold()),
         [](Spoiled& s) { s.set_ticket(0, 0); },
         {"tickets", "linearizable"}},
        {"a burnt ticket",
         numbered(unsold()),
         [](Spoiled& s) {
             const auto rows = static_cast<std::int64_t>(s.rows().size());
             s.set_ticket(s.last_claim(), rows + 1);
         },
         {"tickets", "linearizable"}},
        {"tickets out of order",
         numbered(unsold()),
         [](Spoiled& s) {
             Attempt& last = s.grant_of(s.last_claim());
             last.sent_ns = s.end_of_all() + 1;
             last.done_ns = last.sent_ns + 5;
             const auto rows = static_cast<std::int64_t>(s.rows().size());
             s.set_ticket(s.last_claim(), 1);
             s.set_ticket(0, rows);
         },
         {"claim_order", "linearizable"}},
        {"tickets out of order, where gaps are allowed",
         numbered(unsold()),
         [](Spoiled& s) {
             s.campaign().gap_free_tickets = false;
             Attempt& last = s.grant_of(s.last_claim());
             last.sent_ns = s.end_of_all() + 1;
             last.done_ns = last.sent_ns + 5;
             s.set_ticket(s.last_claim(), 1);
             s.set_ticket(0, 59);
         },
         {"claim_order"}},
        {"an amount below the least",
         envelopes(),
         [](Spoiled& s) { s.set_amount(3, 4); },
         {"amounts"}},
        {"a cent over the budget",
         envelopes(),
         [](Spoiled& s) { s.set_amount(3, s.rows()[3].amount_cents + 1); },
         {"amounts"}},
        {"a cent of the budget is left",
         envelopes(),
         [](Spoiled& s) { ++s.campaign().budget_cents.value(); },
         {"amounts"}},
        {"told a cent more than is stored",
         envelopes(),
         [](Spoiled& s) { ++s.grant_of(s.any_claim()).amount_cents; },
         {"amounts"}},
        {"told a cent less than is stored",
         envelopes(),
         [](Spoiled& s) { --s.grant_of(s.any_claim()).amount_cents; },
         {"amounts"}},
        {"a negative amount that another makes up for",
         envelopes(),
         [](Spoiled& s) {
             s.set_amount(0, s.rows()[0].amount_cents + s.rows()[1].amount_cents + 7);
             s.set_amount(1, -7);
         },
         {"amounts"}},
        {"a claim that was never paid",
         envelopes(),
         [](Spoiled& s) { s.payouts().erase(s.payouts().begin() + 4); },
         {"payouts"}},
        {"a claim that was paid twice",
         envelopes(),
         [](Spoiled& s) { s.payouts().push_back(s.payouts()[s.any_claim()]); },
         {"payouts"}},
        {"a payout of a claim that does not exist",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().push_back({s.new_id(), 5, s.rows()[0].user});
         },
         {"payouts"}},
        {"a payout that names no claim",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().push_back({kNoText, 5, s.rows()[0].user});
         },
         {"payouts"}},
        {"a payout of another amount",
         envelopes(),
         [](Spoiled& s) { ++s.payouts()[s.any_claim()].amount_cents; },
         {"payouts"}},
        {"a payout to another user",
         envelopes(),
         [](Spoiled& s) { s.payouts()[5].user = s.payouts()[6].user; },
         {"payouts"}},
        {"a row and its payout are gone",
         envelopes(),
         [](Spoiled& s) {
             s.payouts().erase(s.payouts().begin() + 4);
             s.drop_row(4);
         },
         {"lost_claims", "cache_drift", "database_drift", "user_set_drift", "sold_out_flag",
          "false_sold_out", "undersell"}},
    };
    return plants;
}

}  // namespace

TEST_CASE("wrong numbers and wrong money are found by the checks that name them, and no others",
          "[sweep]") {
    find_each(number_plants());
}

}  // namespace claimstorm::test
