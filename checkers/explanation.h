#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace claimstorm {

/// Something that can be seen in the evidence of a violation, and what it names.
struct Sign {
    std::string_view seen;   ///< "paid again"
    std::string_view names;  ///< the likely causes
    /// The figure of the finding that shows it when it is above zero; empty: told from more than
    /// one figure, by diagnosis.cpp.
    std::string_view figure = {};
    bool below_zero = false;  ///< the figure shows it when it is below zero instead
};

/// A key of the target file, or of the scenario's campaign, that a check asks for.
struct NamedEvidence {
    std::string_view key;  ///< "mysql.claims", "fields.ticket", "campaign.budget_cents"
    std::string_view use;  ///< what it is asked for
};

/// What a check is about, in plain words: what `claimstorm checks explain NAME` prints, and where
/// the diagnosis of a violated finding takes its words from.
struct Explanation {
    std::string_view property;            ///< the formula in words
    std::string_view violated;            ///< what a violation means
    std::string_view owed;                ///< who is owed what, if anybody
    std::vector<Sign> signs;              ///< never empty
    std::vector<NamedEvidence> evidence;  ///< never empty; without the first nothing is judged
    std::string_view next;                ///< what to look at next, and what mends it
};

// One a check, each with what check.cpp's table needs of it.
const Explanation& explain_oversell();
const Explanation& explain_promised_oversell();
const Explanation& explain_duplicate_users();
const Explanation& explain_lost_claims();
const Explanation& explain_phantom_claims();
const Explanation& explain_cache_drift();
const Explanation& explain_user_set_drift();
const Explanation& explain_database_drift();
const Explanation& explain_sold_out_flag();
const Explanation& explain_false_sold_out();
const Explanation& explain_undersell();
const Explanation& explain_over_decrement();
const Explanation& explain_amounts();
const Explanation& explain_payouts();
const Explanation& explain_tickets();
const Explanation& explain_stuck_lock();
const Explanation& explain_claim_order();
const Explanation& explain_linearizable();
const Explanation& explain_live_balance();

}  // namespace claimstorm
