// Rows, promises, and the people behind them.
#include "checkers/explanation.h"
#include "checkers/signs.h"

namespace claimstorm {

const Explanation& explain_oversell() {
    static const Explanation explanation = {
        .property = "no more claim rows are stored than there was stock",
        .violated = "somebody holds an item that does not exist",
        .owed =
            "for each row beyond the stock an item that nobody has; the witnesses are the rows "
            "that came last",
        .signs = {{"remaining = -excess: the database's counter has one step for each row",
                   kRelativeDecrement},
                  {"remaining = 0, and rows beyond the stock", kUnlookedAt},
                  {"remaining > 0, and rows beyond the stock", kStaleWrite},
                  {"the cache stands where the database does", kSameSteps},
                  {"the cache stands below the database", kBurntDeductions},
                  {"the cache stands above the database", kRefilled},
                  {"the excess began in the first milliseconds: all claims had begun before the "
                   "first grant was told",
                   kColdCache},
                  {"it began at the stock boundary: all surplus claims were under way when the "
                   "last unit was told",
                   kCheckThenAct},
                  {"it began after that", kGateOpen},
                  {"it began at a multiple of the lock's TTL, or claims took longer than that",
                   kLockExpired}},
        .evidence = {{"mysql.claims", "the rows: without them the check is skipped"},
                     {"mysql.stock", "the column remaining names the step that raced"},
                     {"redis.remaining", "the cache beside it"},
                     {"redis.lock_ttl", "compared with the beginning of the excess"}},
        .next =
            "see promised_oversell (were the surplus people told yes?), duplicate_users (the "
            "same people, or different ones?) and the two drifts (the counter that still "
            "agrees with the rows names the step that raced); then put the check and the "
            "taking into one step (one guarded UPDATE, one script, one lock held until COMMIT)",
    };
    return explanation;
}

const Explanation& explain_promised_oversell() {
    static const Explanation explanation = {
        .property = "no more people are told yes than there was stock left to give",
        .violated = "more people were told yes than there was stock to give",
        .owed =
            "an item, or an apology, to each person beyond the stock, stored or not; the "
            "witnesses are the grants answered last",
        .signs = {{"the rows stay within the stock",
                   "the service answered before it knew: the reply came before COMMIT, or the "
                   "claim was refused after it; see lost_claims"},
                  {"the rows exceed the stock as well", "the surplus was stored: see oversell"},
                  {"the excess began in the first milliseconds: all claims had begun before the "
                   "first grant was told",
                   kColdCache},
                  {"it began at the stock boundary", kCheckThenAct},
                  {"it began after that", kGateOpen},
                  {"it began at a multiple of the lock's TTL, or claims took longer than that",
                   kLockExpired}},
        .evidence = {{"outcomes", "which answers are a yes: the history is all that is needed"},
                     {"fields.claim_id", "tells a repeated answer from a second promise"},
                     {"mysql.claims", "the rows from before the storm; stored, or only promised"}},
        .next =
            "see oversell: if the rows stay within the stock, find where the answer is given "
            "before COMMIT; if they do not, the first of the witnesses dates the beginning",
    };
    return explanation;
}

const Explanation& explain_duplicate_users() {
    static const Explanation explanation = {
        .property = "nobody has more rows, or was granted more distinct claims, than per_user says",
        .violated = "one person got more than the campaign allows",
        .owed = "a unit to somebody who was refused for each one too many, where the stock went",
        .signs = {{"the granted attempts of a user overlap", kClicksRaced},
                  {"granted again, after the first answer", kNotAsked},
                  {"one yes at most, and more rows", kProcessedTwice}},
        .evidence = {{"mysql.claims",
                      "the rows of each user; without them distinct claim ids "
                      "prove it alone"},
                     {"fields.claim_id", "tells a repeated answer from a second claim"},
                     {"campaign.per_user", "the limit"}},
        .next =
            "look at the attempts of a witness in `claimstorm history RUN`, then at where 'has "
            "this user claimed?' is asked: it must be under the lock or in the transaction "
            "that writes, with a unique key on (campaign, user) behind it",
    };
    return explanation;
}

const Explanation& explain_lost_claims() {
    static const Explanation explanation = {
        .property = "every claim that was granted has a row, and no claim is queued for ever",
        .violated = "somebody was told yes and nothing is stored for them",
        .owed = "an item to each of the witnesses: they are the people to make whole",
        .signs = {{"told close together, or spread out", kCrashOrErrorPath},
                  {"their ids stand under another user",
                   "the claim was written for somebody else: a user taken from shared state, a "
                   "message consumed under the wrong name",
                   "owned_by_others"},
                  {"still queued when the wait ended",
                   "the consumer is slower than settle.timeout, stopped, or died", "backlog"}},
        .evidence = {{"mysql.claims", "the rows: without them the check is skipped"},
                     {"fields.claim_id", "matches each grant with its own row"},
                     {"redis.backlog", "claims accepted and not yet stored"}},
        .next =
            "look for a reply sent before COMMIT, for a transaction rolled back after the "
            "reply (deadlock, lock wait timeout), and for a queue whose consumer died or "
            "acknowledged before it wrote; the service's log at the times of the witnesses "
            "says which",
    };
    return explanation;
}

const Explanation& explain_phantom_claims() {
    static const Explanation explanation = {
        .property = "each new row belongs to a user who was granted, or never learned the answer",
        .violated = "rows are stored for people who were told no, or who never asked",
        .owed =
            "these people do not know what they hold, and somebody else was refused the unit; "
            "a row whose user only has an unanswered attempt is legal and counted as recovered",
        .signs = {{"rows without a granted or unanswered attempt",
                   "a refusal answered after COMMIT, a compensation that restored the counter and "
                   "left the row, a claim processed twice under another name",
                   "phantoms"},
                  {"users who took no part in the storm",
                   "somebody else was using the campaign, or the prepare steps left rows behind",
                   "strangers"}},
        .evidence = {{"mysql.claims",
                      "the rows before and after: without them the check is "
                      "skipped"},
                     {"users", "must spell the users as the column user does"}},
        .next =
            "look at the error paths behind the witnesses' answers: what was refused must be "
            "rolled back before it is answered",
    };
    return explanation;
}

}  // namespace claimstorm
