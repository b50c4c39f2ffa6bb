#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lab/process_identity.h"

namespace claimstorm {

/// What is known of one lab; kept as lab.json in its folder.
struct LabRecord {
    std::string id;  ///< "lab-1f3a9c", the folder's name
    std::filesystem::path folder;
    ProcessIdentity holder;   ///< the process the lab lives and dies with
    bool kept = false;        ///< held by a keeper (`lab up`), so `lab down` may end it
    bool ready = false;       ///< both servers answer; before that there are no URLs
    std::string started_at;   ///< UTC, "2026-01-31T12:00:00Z"
    std::string redis_url;    ///< "redis://:PASSWORD@127.0.0.1:PORT/0"
    std::string mysql_url;    ///< "mysql://USER:PASSWORD@127.0.0.1:PORT/DATABASE"
    std::string auditor_url;  ///< the same database, for an account that may only SELECT
    std::vector<ProcessIdentity> servers;
};

/// Throws EnvironmentError when lab.json cannot be written.
void write_record(const LabRecord& record);

/// nullopt when the folder has no lab.json, or not a whole one.
std::optional<LabRecord> read_record(const std::filesystem::path& folder);

}  // namespace claimstorm
