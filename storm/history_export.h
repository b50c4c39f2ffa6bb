#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/history.h"

namespace claimstorm {

/// An attempt with its texts, as `claimstorm history` prints it. `index` counts from 0, as the
/// witnesses of a finding do.
struct ExportedAttempt {
    std::uint64_t index = 0;
    Attempt attempt;
    std::string_view user;
    std::string_view claim_id;
};

/// One JSON object without a newline; what an attempt does not have is left out:
/// {"index":0,"user":"u1","attempt":1,"outcome":"granted","status":200,"due_ns":0,"sent_ns":1200,…}
std::string to_ndjson(const ExportedAttempt& exported);

/// One CSV line (RFC 4180) without a newline; what an attempt does not have is empty.
std::string to_csv(const ExportedAttempt& exported);
std::string_view history_csv_header();

}  // namespace claimstorm
