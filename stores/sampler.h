#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "model/evidence.h"
#include "stores/evidence_reader.h"

namespace claimstorm {

/// From the beginning of one sample to that of the next: `every`, but no less than five times what
/// the last one `took`, so that the stores spend at most a fifth of the time on being watched.
/// While readings fail, `failures` times in a row, it doubles up to two seconds.
std::chrono::nanoseconds sample_interval(std::chrono::nanoseconds every,
                                         std::chrono::nanoseconds took,
                                         std::uint32_t failures) noexcept;

/// Reads a campaign's counters over and over while a storm runs: on a thread of its own, over
/// connections of its own that may only read. A reading that fails is kept in its sample, which
/// says why, and asked for again in the next one. No reading takes longer than `kReadTimeout`.
class Sampler {
  public:
    using Clock = std::chrono::steady_clock;
    using OnSample = std::function<void(const StoreSample&)>;

    static constexpr std::chrono::seconds kConnectTimeout{2};
    static constexpr std::chrono::seconds kReadTimeout{5};

    /// Connects, and waits for `begin`. `on_sample` is called on the sampler's thread; once it has
    /// thrown, nothing more is read. Throws UsageError for an unknown placeholder.
    Sampler(const EvidenceSpec& spec, const Campaign& campaign, std::chrono::nanoseconds every,
            OnSample on_sample);
    /// Ends after the reading under way.
    ~Sampler();
    Sampler(const Sampler&) = delete;
    Sampler& operator=(const Sampler&) = delete;

    /// The storm's times count from `release`: the first sample is taken at once. Any thread.
    void begin(Clock::time_point release);

    /// Takes one sample more, of the stores at rest, and ends. Rethrows what `on_sample` threw.
    void finish();

  private:
    enum class Task : std::uint8_t { wait, sample, finish, end };

    void run();
    void work();
    std::optional<StoreSample> take(Clock::time_point release);
    bool is_ending();
    void order(Task task);

    EvidenceReader reader_;
    std::chrono::nanoseconds every_;
    OnSample on_sample_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Task task_ = Task::wait;
    Clock::time_point release_;
    std::exception_ptr error_;
    std::thread thread_;  // last: it uses all of the above
};

}  // namespace claimstorm
