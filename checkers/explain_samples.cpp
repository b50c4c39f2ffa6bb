// What was seen in the stores while the storm ran.
#include "checkers/explanation.h"

namespace claimstorm {

const Explanation& explain_live_balance() {
    static const Explanation explanation = {
        .property =
            "at every sample of the stores, no more rows than claims that had been asked for, and "
            "no more claims told than rows and queued claims",
        .violated =
            "while the storm ran (--watch), rows or answers were ahead of what they follow from",
        .owed =
            "nothing, where the stores caught up: a crash in that time would have made lost claims "
            "of answers that ran ahead",
        .signs = {{"rows that nobody had asked for by then",
                   "somebody else was using the campaign, or one claim was stored several times; "
                   "see duplicate_users and phantom_claims for those that still stand",
                   "unasked"},
                  {"rows of people who had been told no, or second rows of one claim",
                   "written first and taken back later, if at all; a crash in between leaves them. "
                   "Take back before the answer, or do not commit",
                   "unexplained"},
                  {"claims told before they were anywhere safe",
                   "a reply before the entry is in the queue or the row is committed, or a "
                   "consumer that takes the entry off the queue (LPOP, XACK, NOACK) before it has "
                   "stored the row; a queue that redis.backlog does not name, or a claims query "
                   "that reads a replica, looks the same",
                   "early"}},
        .evidence = {{"mysql.claims", "the rows, counted at every sample"},
                     {"redis.backlog",
                      "queued claims; without it the rows' lag behind the answers is a figure and "
                      "accuses nobody"},
                     {"outcomes", "which answers are granted"}},
        .next =
            "put the first witness's time beside the service's log: what had answered or written "
            "then, and what had not yet? Store first, then answer, then take the entry off the "
            "queue; name every queue in redis.backlog, and let the claims query read the primary",
    };
    return explanation;
}

}  // namespace claimstorm
