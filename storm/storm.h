#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storm/figures.h"
#include "storm/plan.h"
#include "storm/spec.h"
#include "storm/user_source.h"

namespace claimstorm {

/// All that a storm needs to know.
struct StormOrder {
    std::string scenario;
    std::uint64_t seed = 0;
    StormSpec spec;
    EndpointSpec endpoint;
    std::string campaign;  ///< what `{campaign}` stands for
    /// Those of the endpoint, `spec.users` of them; null: made from it when needed.
    std::shared_ptr<const UserSource> users = nullptr;
};

/// Throws UsageError for whatever could not be fired: placeholders, rules, base_url. Sends nothing
/// and opens no file.
void require_fireable(const StormOrder& order);

/// The request of the plan's attempt as it would go out; for --dry-run.
std::string request_text(const StormOrder& order, const PlannedAttempt& planned);

/// The poll for that attempt, if its claim is answered `pending` with these ids; empty when the
/// target names none.
std::string poll_text(const StormOrder& order, const PlannedAttempt& planned,
                      std::string_view claim_id, std::string_view poll_id);

/// How far a storm is, in attempts.
struct StormProgress {
    std::uint64_t ended = 0;
    std::uint64_t planned = 0;
    std::uint64_t granted = 0;  ///< of those ended, at the campaign that is judged
};

/// What is told while a storm runs; either may be empty.
struct StormListener {
    /// About ten times a second and once more at the end, on the thread that called `run_storm`.
    std::function<void(const StormProgress&)> on_progress = {};
    /// Once, on another thread and a few milliseconds ahead, with the instant that all the
    /// history's times are counted from. Must return at once and not throw.
    std::function<void(std::chrono::steady_clock::time_point)> on_release = {};
};

/// Fires `plan` at the endpoint and records every attempt in `history_path`. Connections are opened
/// and warmed first; no claim is ever retried. What is answered `pending` is polled as the endpoint
/// says, and recorded when a poll has told its outcome, or as pending when none did in time, when
/// the overrun is over, or when the storm is stopped. Setting `stop` ends it early: the history is
/// complete then too, the unsent attempts standing in it as not_sent. Throws EnvironmentError when
/// the target cannot be reached before the release (no history is left then), or when the history
/// cannot be written. An empty `history_path`: the attempts are only counted. Returns what they
/// came to, as `StormRecorder` would tell from the history.
std::unique_ptr<StormRecorder> run_storm(const StormOrder& order, const Plan& plan,
                                         const std::filesystem::path& history_path,
                                         const std::atomic<bool>& stop,
                                         const StormListener& listener);

}  // namespace claimstorm
