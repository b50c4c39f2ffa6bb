#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "lab/child_process.h"
#include "lab/lab.h"
#include "model/evidence.h"
#include "scenarios/scenario.h"

namespace claimstorm {

struct ReferenceOptions {
    std::filesystem::path server_program;  ///< empty: claimstorm-server beside this program
    std::filesystem::path log;             ///< the server's stderr goes there
    std::string mysql_url;                 ///< both empty: a private lab is started
    std::string redis_url;
    std::uint64_t seed = 0;  ///< draws the hits of failpoints with a share
    std::function<bool()> cancelled;
};

/// A claimstorm-server with one flow, and the lab it works on unless stores were given. Both end
/// with this object. The server describes itself: it announces a target file, and from there on it
/// is a target like any other. Construct it on a thread that outlives it (see ChildProcess).
class RunningReference {
  public:
    /// Throws UsageError for an unknown flow or option, EnvironmentError for what will not start.
    RunningReference(const ReferenceTarget& reference, const ReferenceOptions& options);

    const Target& target() const noexcept { return target_; }

    /// The failpoints that are set, and how often each has fired. Throws EnvironmentError.
    std::vector<FaultSeen> faults() const;

  private:
    std::optional<Lab> lab_;
    std::optional<ChildProcess> server_;
    Target target_;
};

/// claimstorm-server beside this program's own file.
std::filesystem::path default_server_program();

}  // namespace claimstorm
