// Numbers in people's hands: money and tickets.
#include "checkers/explanation.h"

namespace claimstorm {

const Explanation& explain_amounts() {
    static const Explanation explanation = {
        .property =
            "the amounts stay within the budget, spend all of it where that is promised, "
            "are never below the least, and are stored as they were told",
        .violated = "the money is wrong",
        .owed =
            "what was told and not stored to whoever was told it; what is over the budget is "
            "the operator's loss",
        .signs = {{"cents over the budget",
                   "count and amount are checked in different steps, or an amount was drawn from "
                   "what another claim was taking",
                   "over_cents"},
                  {"cents of the budget unspent although all went",
                   "the last share does not take the rest, or an envelope was lost",
                   "unspent_cents"},
                  {"amounts below the least",
                   "shares rounded as floats, cuts that repeat, a last share that takes a negative "
                   "rest",
                   "below_min"},
                  {"answers that told another amount than is stored",
                   "the amount was drawn twice, once for the answer and once for the row",
                   "differing"}},
        .evidence = {{"mysql.claims", "the column amount_cents of the rows"},
                     {"fields.amount_cents",
                      "the amounts people were told; without it and the "
                      "column the check is skipped"},
                     {"campaign.budget_cents", "what they may add up to"},
                     {"campaign.min_cents", "what each has at least"},
                     {"campaign.whole_budget", "promises that all of it goes"}},
        .next =
            "see oversell (too many shares are too much money); then look at where the amount "
            "is drawn: the rest it is drawn from must be read and written under the same lock "
            "or in the same script as the count",
    };
    return explanation;
}

const Explanation& explain_payouts() {
    static const Explanation explanation = {
        .property =
            "every row has exactly one payout, of its amount and to its user, and no "
            "payout is without a row",
        .violated = "money was not moved as the rows say",
        .owed =
            "its amount to each row that is unpaid; what was paid again or without a row is to "
            "be taken back",
        .signs = {{"unpaid",
                   "the payout died between the claim and the transfer and nothing tries again; "
                   "look for a worker that acknowledges first",
                   "unpaid"},
                  {"paid again", "a retry or a redelivery without an idempotency key",
                   "paid_again"},
                  {"without a row",
                   "paid before the claim was committed, or the claim was rolled "
                   "back",
                   "without_row"},
                  {"of a wrong amount", "the amount was drawn or rounded again for the transfer",
                   "wrong_amount"},
                  {"to a wrong user",
                   "the payee is taken from the worker's state, not from the row", "wrong_user"}},
        .evidence = {{"mysql.payouts", "the payouts: without them the check is skipped"},
                     {"mysql.claims", "the rows, with claim_id and amount_cents"},
                     {"redis.backlog", "payouts still to be made"}},
        .next =
            "follow a witness's claim id through the worker: the payout must be keyed by it, "
            "be made after COMMIT, and be acknowledged only once it is made",
    };
    return explanation;
}

const Explanation& explain_tickets() {
    static const Explanation explanation = {
        .property =
            "no number is held twice or lies outside 1 to the stock; where "
            "gap_free_tickets is promised, none is missing",
        .violated = "numbers that must be unique are not, or lie outside the stock, or are burnt",
        .owed =
            "a number of their own to all but one of those who share one; a unit to somebody "
            "for each number that was burnt",
        .signs = {{"held more than once",
                   "the counter was lost or went back (a restart without persistence, a "
                   "failover), or was read and written in two steps",
                   "duplicates"},
                  {"outside 1 to the stock",
                   "the number is drawn before the stock is asked, or counts from 0", "outside"},
                  {"missing",
                   "an AUTO_INCREMENT that INSERT IGNORE, a duplicate key or a rollback moved on; "
                   "every burnt number within the stock is one unit unsold",
                   "missing"}},
        .evidence = {{"mysql.claims", "the column ticket of the rows"},
                     {"fields.ticket",
                      "the tickets people were told; without it and the column "
                      "the check is skipped"},
                     {"campaign.gap_free_tickets", "promises that none is missing"}},
        .next =
            "look at where the number comes from: it must be drawn in the step that takes the "
            "unit (INCR in the script, a counter row under its lock), survive a restart, and "
            "be given back when the claim fails",
    };
    return explanation;
}

}  // namespace claimstorm
