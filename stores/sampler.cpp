#include "stores/sampler.h"

#include <algorithm>
#include <utility>

namespace claimstorm {
namespace {

constexpr int kShareOfTime = 5;
constexpr std::chrono::seconds kLongestBackOff{2};

EvidenceReader::Options reader_options() {
    EvidenceReader::Options options;
    options.mysql.connect_timeout = Sampler::kConnectTimeout;
    options.mysql.io_timeout = Sampler::kReadTimeout;
    options.mysql.read_only = true;
    options.redis.connect_timeout = Sampler::kConnectTimeout;
    options.redis.io_timeout = Sampler::kReadTimeout;
    return options;
}

template <typename T>
bool failed(const Reading<T>& reading) {
    return reading.is_named() && !reading.is_read() && !reading.is_absent();
}

bool failed(const StoreSample& sample) {
    return failed(sample.backlog_before) || failed(sample.rows) || failed(sample.backlog_after) ||
           failed(sample.cache_remaining);
}

}  // namespace

std::chrono::nanoseconds sample_interval(std::chrono::nanoseconds every,
                                         std::chrono::nanoseconds took,
                                         std::uint32_t failures) noexcept {
    std::chrono::nanoseconds interval = every;
    for (std::uint32_t i = 0; i < failures && interval < kLongestBackOff; ++i) interval *= 2;
    interval = std::max(every, std::min<std::chrono::nanoseconds>(interval, kLongestBackOff));
    return std::max(interval, kShareOfTime * took);
}

Sampler::Sampler(const EvidenceSpec& spec, const Campaign& campaign, std::chrono::nanoseconds every,
                 OnSample on_sample)
    : reader_(spec, campaign, reader_options()),
      every_(every),
      on_sample_(std::move(on_sample)),
      thread_([this] { run(); }) {}

Sampler::~Sampler() {
    order(Task::end);
    if (thread_.joinable()) thread_.join();
}

void Sampler::begin(Clock::time_point release) {
    {
        const std::lock_guard lock(mutex_);
        if (task_ != Task::wait) return;
        release_ = release;
        task_ = Task::sample;
    }
    changed_.notify_all();
}

void Sampler::finish() {
    order(Task::finish);
    if (thread_.joinable()) thread_.join();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

/// What has ended, or is to, is not asked for more.
void Sampler::order(Task task) {
    {
        const std::lock_guard lock(mutex_);
        // Where no storm was released, there is no time to count from.
        task_ = task_ == Task::wait ? Task::end : std::max(task_, task);
    }
    changed_.notify_all();
}

bool Sampler::is_ending() {
    const std::lock_guard lock(mutex_);
    return task_ == Task::end;
}

void Sampler::run() {
    try {
        work();
    } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = std::current_exception();
    }
}

void Sampler::work() {
    // So that the first sample need not connect. What cannot be reached is told by that sample.
    bool at_once = true;
    reader_.backlog(at_once);
    reader_.count_claims();
    reader_.cache_remaining();

    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return task_ != Task::wait; });
    const Clock::time_point release = release_;
    std::uint32_t failures = 0;
    while (task_ != Task::end) {
        const bool is_last = task_ == Task::finish;
        lock.unlock();
        const Clock::time_point begun = Clock::now();
        if (const auto sample = take(release)) {
            failures = failed(*sample) ? failures + 1 : 0;
            on_sample_(*sample);
        }
        const auto next = begun + sample_interval(every_, Clock::now() - begun, failures);
        lock.lock();
        if (is_last) return;
        changed_.wait_until(lock, next, [this] { return task_ != Task::sample; });
    }
}

/// Nothing when the sampler is to end meanwhile.
std::optional<StoreSample> Sampler::take(Clock::time_point release) {
    const auto now = [release] {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - release).count();
    };
    StoreSample sample;
    bool before_at_once = true;
    bool after_at_once = true;
    sample.begun_ns = now();
    sample.backlog_before = reader_.backlog(before_at_once);
    if (is_ending()) return std::nullopt;
    sample.rows = reader_.count_claims();
    if (is_ending()) return std::nullopt;
    if (sample.rows.is_named()) sample.backlog_after = reader_.backlog(after_at_once);
    if (is_ending()) return std::nullopt;
    sample.cache_remaining = reader_.cache_remaining();
    sample.ended_ns = now();
    sample.backlog_at_once = before_at_once && after_at_once;
    return sample;
}

}  // namespace claimstorm
