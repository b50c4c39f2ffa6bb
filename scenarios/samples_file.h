#pragma once

#include <filesystem>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "model/evidence.h"

namespace claimstorm {

/// The file of a run folder that holds the samples, one JSON object a line.
inline constexpr const char* kSamplesFile = "samples.ndjson";

/// Appends samples to a file as they are taken, each line with one write: after `kill -9` the file
/// ends with a whole line.
class SamplesWriter {
  public:
    /// Throws EnvironmentError when the file cannot be made.
    explicit SamplesWriter(std::filesystem::path path);
    ~SamplesWriter();
    SamplesWriter(const SamplesWriter&) = delete;
    SamplesWriter& operator=(const SamplesWriter&) = delete;

    /// Throws EnvironmentError when it cannot be written; what had been written stays.
    void add(const StoreSample& sample);

  private:
    std::filesystem::path path_;
    int file_ = -1;
};

/// What was watched of a run, as its folder keeps it.
struct WatchedSamples {
    std::vector<StoreSample> samples;
    std::string cut;  ///< a remark on a last line that was not written to its end; else empty
};

/// Reads lines of samples back. `name` is what messages call them. Throws UsageError with name and
/// line for what is no sample, or is out of order.
WatchedSamples read_samples(std::istream& lines, const std::string& name);

/// Those of a run folder; nullopt where it has no such file. Throws UsageError as above.
std::optional<WatchedSamples> read_samples(const std::filesystem::path& folder);

}  // namespace claimstorm
