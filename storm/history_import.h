#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>

#include "storm/history_file.h"

namespace claimstorm {

/// What a log held.
struct ImportedLog {
    std::uint64_t attempts = 0;
    std::uint32_t users = 0;
};

/// Writes somebody else's log as the history `path`, which must not exist yet. One JSON object a
/// line is one attempt; empty lines are passed over:
///
///   user, outcome   the names as anywhere; a user may be a whole number
///   sent_ns         since the release, or any other zero that all lines share: where the first
///                   lies more than an hour from it, as a clock's time does, all are told from the
///                   first; null or absent only when the outcome is not_sent
///   done_ns, first_byte_ns, due_ns
///                   null or absent: never answered; not known; due when it was sent
///   claim_id        a text or a whole number
///   ticket, amount_cents, http_status, transport_error
///   number          absent: the user's attempts are numbered by when they were sent; those beyond
///                   65,535 share that number
///
/// What `claimstorm history` prints is read as well (attempt, status, error, index, waited,
/// other_campaign). Reads the log once, line by line; keeps the users' names, 16 bytes a user, a
/// bit an attempt, and 24 bytes for each attempt of users whose attempts were not in order.
/// Throws UsageError, "log.ndjson:17: what is wrong", and EnvironmentError when it cannot be
/// written; a file is then left behind.
ImportedLog import_history(std::istream& log, const std::string& log_name,
                           const std::filesystem::path& path, HistoryHeader header);

}  // namespace claimstorm
