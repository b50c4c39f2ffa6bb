#pragma once

#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm {

// One function a check, each in the file of its name; the comment at the top of that file states
// the property, the evidence it needs and what it cannot see. check.cpp holds the table.
Finding check_oversell(const Evidence& evidence);
Finding check_promised_oversell(const Evidence& evidence);
Finding check_duplicate_users(const Evidence& evidence);
Finding check_lost_claims(const Evidence& evidence);
Finding check_phantom_claims(const Evidence& evidence);
Finding check_cache_drift(const Evidence& evidence);
Finding check_user_set_drift(const Evidence& evidence);
Finding check_database_drift(const Evidence& evidence);
Finding check_sold_out_flag(const Evidence& evidence);
Finding check_false_sold_out(const Evidence& evidence);
Finding check_undersell(const Evidence& evidence);
Finding check_over_decrement(const Evidence& evidence);
Finding check_amounts(const Evidence& evidence);
Finding check_payouts(const Evidence& evidence);
Finding check_tickets(const Evidence& evidence);
Finding check_stuck_lock(const Evidence& evidence);
Finding check_claim_order(const Evidence& evidence);
Finding check_linearizable(const Evidence& evidence);
Finding check_live_balance(const Evidence& evidence);

}  // namespace claimstorm
