#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "lab/child_process.h"
#include "lab/ports.h"

namespace claimstorm::bench {

/// One nginx worker that answers every request with the same JSON: a server that many know, as the
/// other end of a load generator. Lives in a folder of its own and ends with this object.
class Nginx {
  public:
    /// Started, and answering; holds `connections` at once. Throws EnvironmentError.
    Nginx(const std::filesystem::path& folder, int connections);

    /// Files that it must be allowed to have open for that.
    static int files_needed(int connections);

    std::string url() const;
    /// CPU that it has used, in seconds.
    double cpu_s() const;

  private:
    PortLease port_;
    std::optional<ChildProcess> process_;
};

}  // namespace claimstorm::bench
