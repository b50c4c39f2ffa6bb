// Counters, sets, marks and locks at rest.
#include "checkers/explanation.h"
#include "checkers/signs.h"

namespace claimstorm {

const Explanation& explain_cache_drift() {
    static const Explanation explanation = {
        .property = "at rest, every unit is in the cache, in a row, or in the queue",
        .violated = "the cache's counter and the claim rows do not add up to the stock",
        .owed =
            "above zero, the leaked units to those who were told sold_out; below zero nobody "
            "yet, an oversell is waiting to happen",
        .signs = {{"drift above zero: units leaked, taken from the cache and nobody's",
                   "a failure between the decrement and COMMIT whose compensation is missing, or "
                   "refused claims that were not put back",
                   "drift"},
                  {"drift below zero: the cache offers units that are gone",
                   "a compensation done twice, a late SET on a cold cache, a restart, an eviction",
                   "drift", true},
                  {"the cache stands where the database does", kSameSteps},
                  {"the cache stands below the database", kBurntDeductions},
                  {"the cache stands above the database", kRefilled}},
        .evidence = {{"redis.remaining", "the cache's counter: without it the check is skipped"},
                     {"mysql.claims", "the rows"},
                     {"redis.backlog", "claims that hold a unit in the queue"},
                     {"mysql.stock", "the column remaining says which of the two went wrong"}},
        .next =
            "follow one failed claim through the code: each exit after the decrement must put "
            "the unit back exactly once; look at who else writes the key (a refill, a cold "
            "load) while claims are under way",
    };
    return explanation;
}

const Explanation& explain_user_set_drift() {
    static const Explanation explanation = {
        .property = "the cache's set of those who have claimed is the users with a row",
        .violated = "the cache and the database do not agree on who has claimed",
        .owed = "a second chance to those locked out: they are told already_claimed for nothing",
        .signs = {{"in the set without a row: locked out",
                   "a failure between SADD and COMMIT whose compensation is missing", "locked_out"},
                  {"of these, never told their result",
                   "their claims died on the way: a crash or a timeout inside the claim",
                   "unanswered"},
                  {"with a row, not in the set: can claim again",
                   "an SREM done too often, a set that expired, a restart without persistence",
                   "can_claim_again"}},
        .evidence = {{"redis.users", "the cache's set: without it the check is skipped"},
                     {"mysql.claims", "the users with a row"},
                     {"redis.backlog", "claims whose row is still to come"}},
        .next =
            "look at the attempts of a witness, and at what follows the SADD on every error "
            "path; only a unique key in the database stops those who can claim again",
    };
    return explanation;
}

const Explanation& explain_database_drift() {
    static const Explanation explanation = {
        .property = "the database's own counter has gone down by one for each claim row",
        .violated = "the database's counter does not follow its claim rows",
        .owed =
            "units nobody can have where it stands too low; where it stands too high the next "
            "claims are an oversell",
        .signs = {{"remaining = 0, and rows beyond the stock", kUnlookedAt},
                  {"remaining > 0, and rows beyond the stock", kStaleWrite},
                  {"remaining is higher than the rows leave", kUpdatesLost},
                  {"remaining is lower than the rows leave", kDecrementedForNothing},
                  {"remaining = -excess: it agrees with too many rows (this check holds)",
                   kRelativeDecrement}},
        .evidence = {{"mysql.stock", "the column remaining: without it the check is skipped"},
                     {"mysql.claims", "the rows"}},
        .next =
            "see oversell, for balanced counters prove nothing by themselves; then look at the "
            "UPDATE: it must be relative (remaining = remaining - 1), in the transaction of "
            "the INSERT, and its affected rows must decide; an INSERT IGNORE or a swallowed "
            "duplicate key must not decrement",
    };
    return explanation;
}

const Explanation& explain_sold_out_flag() {
    static const Explanation explanation = {
        .property = "the campaign is marked sold out exactly when its stock is spoken for",
        .violated = "the campaign's status is wrong at rest",
        .owed = "marked too early, the units that are left to those who were refused",
        .signs = {{"marked sold out with units left",
                   "the mark was set from the cache's counter before the units came back, or by a "
                   "claim that failed afterwards",
                   "left"},
                  {"not marked although nothing is left", kMarkSkipped}},
        .evidence = {{"mysql.stock", "the column sold_out: without it the check is skipped"},
                     {"mysql.claims", "the rows"},
                     {"redis.backlog", "claims that will take the last units"}},
        .next =
            "find every write of the status and ask on which number each decides: it must be "
            "the database's, in the transaction that takes the last unit, and be taken back "
            "when a unit comes back",
    };
    return explanation;
}

const Explanation& explain_over_decrement() {
    static const Explanation explanation = {
        .property = "the cache's counter does not stand below zero at rest",
        .violated =
            "the counter was decremented for claims it could not serve, and nobody put "
            "that back",
        .owed =
            "nobody by itself: see oversell for rows beyond the stock, cache_drift for units "
            "that are lost",
        .signs = {{"as many rows beyond the stock", kAskedNotObeyed},
                  {"no more rows than stock", kEachBurnsOne}},
        .evidence = {{"redis.remaining", "the cache's counter: without it the check is skipped"},
                     {"mysql.claims", "how many rows stand beyond the stock"}},
        .next =
            "look at what is done with the answer of DECR: below zero it must be put back (or "
            "asked and taken in one script), and the claim refused",
    };
    return explanation;
}

const Explanation& explain_stuck_lock() {
    static const Explanation explanation = {
        .property = "at rest no lock is without an expiry, and none outlives two of its terms",
        .violated =
            "a lock is held and nobody is at work: whoever needs it waits until a person "
            "removes the key",
        .owed = "an answer to all who wait for it; see undersell for what they did not get",
        .signs = {{"held for ever (PTTL -1)",
                   "SETNX without an expiry, or with an EXPIRE that a crash prevented, and a "
                   "holder that died or returned early",
                   "for_ever"},
                  {"of these, there before the storm",
                   "an earlier run or another program left it; remove the key and run it again",
                   "old"},
                  {"held before the storm and after it, with an expiry",
                   "something renews it for an owner that does no work, or it is somebody else's "
                   "key that the pattern catches",
                   "kept"}},
        .evidence = {{"redis.locks",
                      "the patterns of the keys: without them the check is skipped"}},
        .next =
            "look at how the witnesses' keys are set: SET key token NX PX ttl is one step, and "
            "the release must be reached on every path and compare the token",
    };
    return explanation;
}

}  // namespace claimstorm
