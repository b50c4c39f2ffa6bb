#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "model/evidence.h"
#include "scenarios/samples_file.h"
#include "stores/evidence_spec.h"
#include "stores/sampler.h"

namespace claimstorm {

/// How the stores are watched while a storm runs.
struct WatchOptions {
    std::chrono::nanoseconds every{std::chrono::milliseconds(100)};
    /// Told of each sample, on the sampler's thread; may be empty. Must not throw.
    std::function<void(const StoreSample&)> on_sample = {};
};

/// "100ms", from 1 ms to 1 h. `where` names the option. Throws UsageError.
std::chrono::nanoseconds watch_interval_from(const std::string& text, const std::string& where);

/// Throws UsageError when a target names nothing that could be watched.
void require_watchable(const EvidenceSpec& spec, const std::string& scenario);

/// Samples of a run's stores on their way into its folder. Ends with its life, at the latest after
/// the reading under way.
class Watch {
  public:
    /// Throws EnvironmentError when the file cannot be made, UsageError for a bad placeholder.
    Watch(const EvidenceSpec& spec, const Campaign& campaign, const std::filesystem::path& folder,
          const WatchOptions& options);

    /// See Sampler::begin.
    void begin(Sampler::Clock::time_point release) { sampler_.begin(release); }
    /// Takes one sample more, of the stores at rest. Returns why the stores were no longer watched;
    /// empty when they were to the end.
    std::string finish();

  private:
    SamplesWriter writer_;
    Sampler sampler_;
};

}  // namespace claimstorm
