#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "lab/lab.h"

namespace claimstorm {

struct KeepOptions {
    LabOptions lab;
    /// The lab ends when this process does.
    std::optional<pid_t> while_pid;
};

/// Why a lab that was kept has ended in good order.
enum class KeepEnd { interrupted, told_to_end, watched_process_ended };

/// Starts a lab that outlives this process: a keeper in a session of its own holds it, until
/// `end_lab`, a signal, the end of `while_pid` or of one of the servers. Returns when both servers
/// answer. Call it while this process has one thread. Throws UsageError when there is no process
/// `while_pid`, and EnvironmentError with the keeper's own message when the lab will not start.
LabRecord start_kept_lab(const KeepOptions& options);

/// Keeps a lab in this process, calling `on_ready` when both servers answer. SIGINT ends it as
/// `interrupted`, SIGTERM and SIGHUP as `told_to_end`; the lab is gone on return. Call it while
/// this process has one thread. Throws like `start_kept_lab`, and EnvironmentError when one of the
/// servers has ended by itself.
KeepEnd keep_lab(const KeepOptions& options, const std::function<void(const LabRecord&)>& on_ready);

/// Sweeps what dead labs have left; the living ones, oldest first. An empty root means the usual
/// one. Throws EnvironmentError when the labs' folder cannot be used.
std::vector<LabRecord> living_labs(const std::filesystem::path& root = {});

/// The lab to end when the user names `id`, or names none. Throws UsageError when there is none of
/// that name, when none is named and not exactly one lives, or when it belongs to a running
/// command rather than to `lab up`.
LabRecord choose_lab(const std::vector<LabRecord>& living, const std::string& id);

/// Ends a lab's keeper and returns when lab and folder are gone. Throws EnvironmentError when
/// something of it is still there after 20 s.
void end_lab(const LabRecord& lab);

}  // namespace claimstorm
