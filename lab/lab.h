#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lab/lab_record.h"

namespace claimstorm {

struct LabOptions {
    /// Where labs live; empty: $CLAIMSTORM_LAB_DIR, else claimstorm-labs-UID in $TMPDIR or /tmp.
    std::filesystem::path root;
    /// Where the database template is kept; empty: $XDG_CACHE_HOME/claimstorm or
    /// ~/.cache/claimstorm, and the labs' own folder when neither can be written to.
    std::filesystem::path cache;
    /// Names looked up in PATH and the folders for daemons, or paths.
    std::string redis_program = "redis-server";
    std::string mariadb_program = "mariadbd";
    /// Further lines of the servers' configurations: "maxmemory 64mb",
    /// "innodb_lock_wait_timeout=1".
    std::vector<std::string> redis_options;
    std::vector<std::string> mariadb_options;
    /// How long the servers may take to answer.
    std::chrono::milliseconds start_timeout{30'000};
    /// Asked every few ms while the lab starts; true makes the start throw Interrupted. May be
    /// empty.
    std::function<bool()> cancelled;
    /// Whether `claimstorm lab down` may end it; only a keeper sets this.
    bool kept = false;
};

/// A private Redis and MariaDB, in a folder of their own and on loopback ports of their own. Any
/// number of labs can live side by side.
///
/// Both servers are children of the thread that constructs this and end with it (see
/// ChildProcess), even by kill -9; then the folder is removed by whatever looks at labs next.
class Lab {
  public:
    /// Sweeps what dead labs have left, and returns when both servers answer. Throws
    /// EnvironmentError when they will not, with the end of the log, leaving nothing behind.
    explicit Lab(const LabOptions& options = {});
    Lab(Lab&&) noexcept;
    Lab& operator=(Lab&&) noexcept;
    /// Kills both servers and removes the folder.
    ~Lab();

    const std::string& id() const noexcept;
    const std::filesystem::path& folder() const noexcept;
    /// "redis://:PASSWORD@127.0.0.1:PORT/0"
    const std::string& redis_url() const noexcept;
    /// "mysql://claimstorm:PASSWORD@127.0.0.1:PORT/claimstorm"; an empty database, all rights.
    const std::string& mysql_url() const noexcept;
    /// The same database for the account `auditor`, which may only SELECT.
    const std::string& auditor_url() const noexcept;
    const LabRecord& record() const noexcept;

    /// The servers' processes, e.g. to stop one for a while (SIGSTOP).
    const ProcessIdentity& redis_process() const noexcept;
    const ProcessIdentity& mariadb_process() const noexcept;
    /// Two pidfds to poll: readable once that server has ended. They live as long as the lab.
    std::array<int, 2> server_pidfds() const noexcept;

    /// Empty while both servers run, else which one has ended, how, and the end of its log.
    std::string what_ended();

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace claimstorm
