#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lab/server.h"
#include "lab/template_cache.h"

namespace claimstorm {

/// The accounts of a lab's database, which is called `claimstorm`. There is no root account.
struct MariadbPasswords {
    std::string claimstorm;  ///< all rights on the database, and PROCESS
    std::string auditor;     ///< SELECT on the database
};

/// A private MariaDB: its program, its folder, and what it is to be configured with.
struct MariadbPlace {
    std::filesystem::path program;
    std::filesystem::path folder;      ///< exists; everything of this server is in it
    std::vector<std::string> options;  ///< further lines of its configuration
};

/// The templates that fit this server: its program's file and its options decide.
TemplateCache mariadb_templates(const MariadbPlace& place, const std::filesystem::path& cache);

/// Makes the system tables in place.folder / "data", which must not exist. Throws EnvironmentError
/// with the end of the server's log when that fails.
void make_mariadb_data(const MariadbPlace& place, const StartLimits& limits);

/// Runs it on that data, loopback only, making the database and the accounts as it starts.
ServerPlan mariadb_plan(const MariadbPlace& place, const MariadbPasswords& passwords);

/// Removes the file the accounts were made from, which has their passwords in it.
void forget_mariadb_passwords(const MariadbPlace& place);

}  // namespace claimstorm
