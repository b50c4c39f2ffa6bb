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
Finding check_database_drift(const Evidence& evidence);

}  // namespace claimstorm
