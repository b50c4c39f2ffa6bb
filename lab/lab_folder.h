#pragma once

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

#include "lab/lab_record.h"
#include "lab/posix.h"

namespace claimstorm {

/// Where this user's labs live: `asked` if not empty, else $CLAIMSTORM_LAB_DIR, else
/// claimstorm-labs-UID below $TMPDIR or /tmp. Not made, not looked at.
std::filesystem::path labs_root(const std::filesystem::path& asked);

/// One lab's folder, mode 0700, held by this process until the object ends, which removes it.
///
/// Alive means: somebody holds the lock on the file `alive` in it. The lock is the kernel's, so it
/// ends with the holder however that dies. Birth and sweep exclude each other by a lock on the
/// root, so that a sweep never sees a folder whose lock is still to be taken.
class LabFolder {
  public:
    /// Makes `root` where it is missing, and a folder with a fresh id in it, holding a record with
    /// the id, the folder and this process. Throws EnvironmentError when the root is not this
    /// user's own, or nothing can be written there.
    explicit LabFolder(const std::filesystem::path& root);
    LabFolder(const LabFolder&) = delete;
    LabFolder& operator=(const LabFolder&) = delete;
    ~LabFolder();

    const std::filesystem::path& path() const noexcept { return path_; }
    const std::filesystem::path& root() const noexcept { return root_; }
    /// False in a process that was forked from the one that made it.
    bool is_ours() const noexcept;

  private:
    std::filesystem::path root_;
    std::filesystem::path path_;
    UniqueFd alive_;
    pid_t owner_;
};

/// Removes what labs left behind whose process is gone: kills servers of theirs that still run,
/// then removes their folders. Touches nothing but folders that are labs. Returns the living
/// labs, oldest first. Throws EnvironmentError when the root cannot be used; a root that does not
/// exist has no labs.
std::vector<LabRecord> sweep_labs(const std::filesystem::path& root);

}  // namespace claimstorm
