// What was refused, what was left, and whether the answers fit one order.
#include "checkers/explanation.h"
#include "checkers/signs.h"

namespace claimstorm {

const Explanation& explain_false_sold_out() {
    static const Explanation explanation = {
        .property = "nobody is told sold_out while stock is left",
        .violated = "people were sent away although units were left",
        .owed =
            "a unit to as many of the witnesses as there are units left; possible, not "
            "definite, where as many failed attempts may have held them at the time",
        .signs = {{"the cache's counter stands below what is left", kLeakedFromCache},
                  {"the cache's counter still offers units", kRefusedElsewhere},
                  {"units may have been held at the time and come back",
                   "a compensation that comes after the lock is released, or after others were "
                   "refused",
                   "may_be_released"}},
        .evidence = {{"outcomes", "which answers are sold_out"},
                     {"mysql.claims", "the rows: without them the check is skipped"},
                     {"redis.remaining", "what the cache offered at rest"},
                     {"redis.backlog", "claims that will take units"}},
        .next =
            "see cache_drift and over_decrement for units that leaked and sold_out_flag for "
            "the mark; then look at the first of the witnesses: what had taken the units that "
            "it was refused?",
    };
    return explanation;
}

const Explanation& explain_undersell() {
    static const Explanation explanation = {
        .property = "what enough people wanted went",
        .violated = "stock is left although enough people asked for it",
        .owed =
            "a unit to as many losers as there are units left; possible, not definite, where "
            "a loser was last told something else than sold_out",
        .signs = {{"users last told sold_out",
                   "they were sent away with units left: see false_sold_out", "told_sold_out"},
                  {"units left",
                   "they leaked (cache_drift above zero), their numbers were burnt (tickets), or "
                   "retries ran out under contention",
                   "left"}},
        .evidence = {{"outcomes", "who was refused for good, who might come again"},
                     {"mysql.claims", "the rows: without them the check is skipped"},
                     {"redis.backlog", "claims that will take units"}},
        .next =
            "see false_sold_out (were they sent away?), cache_drift above zero (did the units "
            "leak?) and tickets (were numbers burnt by duplicate keys or rollbacks?); else "
            "look at how often a claim is tried again under contention",
    };
    return explanation;
}

const Explanation& explain_claim_order() {
    static const Explanation explanation = {
        .property =
            "nobody who came after a sold_out is served; where ordered_tickets is "
            "promised, nobody overtakes",
        .violated = "somebody was sent away, and a later comer got one: the sale flaps",
        .owed =
            "a unit to those who were refused before a later comer was served; as many late "
            "grants as attempts that failed before them are what giving units back looks "
            "like, and hold",
        .signs = {{"granted in attempts that began after the first sold_out",
                   "a counter that refused claims push below zero and bring back, a compensation "
                   "that returns units without telling those who waited, segments or replicas "
                   "that run empty at different times, a cached sold-out mark that expires",
                   "late"},
                  {"rows of attempts that began after it and were not answered",
                   "the same, and the answer was lost as well", "recovered_late"},
                  {"tickets smaller than one told before they began",
                   "numbers are handed out in one place and claimed in another", "queue_jumps"}},
        .evidence = {{"outcomes", "which answers are sold_out and granted"},
                     {"fields.ticket", "the order, where it is promised"},
                     {"campaign.ordered_tickets", "promises it"},
                     {"mysql.claims",
                      "rows nobody was told of; without it a violation is only "
                      "possible"}},
        .next =
            "look at the two attempts of the first witness in `claimstorm history RUN`: "
            "between the answer of one and the start of the other a unit came back, or the "
            "refusal came from a place that knew less",
    };
    return explanation;
}

const Explanation& explain_linearizable() {
    static const Explanation explanation = {
        .property =
            "some order of the attempts explains every answer: one counter, one claim a "
            "user",
        .violated =
            "no order of the attempts explains the answers: some instance of the service "
            "answered from a stale or partial view",
        .owed = "see the checks of its parts; by itself it shows that an answer was untrue",
        .signs = {{"a user with two claims, or more claims than stock",
                   "see duplicate_users and promised_oversell"},
                  {"already_claimed told before any claim of that user",
                   "an answer given before its reason: the user is marked before the claim is "
                   "sure, or the claim was then refused"},
                  {"already_claimed told to users who were never granted a claim",
                   "the answer that granted it was lost; or the user is marked before a unit is "
                   "taken, and unmarked when none is left: until then answer that it is not "
                   "decided yet",
                   "only_told"},
                  {"sold_out told to a user who has a claim, or with units free",
                   "a unit was held by a second click, or the refusal came from a stale copy"},
                  {"a claim that began after sold_out had been told", "see claim_order"},
                  {"a ticket beyond the stock, twice, or out of order", "see tickets"}},
        .evidence = {{"outcomes", "what each answer means: the history is all that is needed"},
                     {"fields.claim_id", "tells a repeated answer from a second claim"},
                     {"campaign.duplicates_first", "promises that a holder is never told sold_out"},
                     {"mysql.claims", "tells that nothing was given back, and who has a row"}},
        .next =
            "look first at the checks of its parts (promised_oversell, duplicate_users, "
            "claim_order, false_sold_out, tickets), whose findings this one contains; then at "
            "the witnesses: the attempts that cannot be reconciled",
    };
    return explanation;
}

}  // namespace claimstorm
