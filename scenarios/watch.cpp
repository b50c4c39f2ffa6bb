#include "scenarios/watch.h"

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {

std::chrono::nanoseconds watch_interval_from(const std::string& text, const std::string& where) {
    const auto every = parse_duration(text);
    if (every && *every >= std::chrono::milliseconds(1) && *every <= std::chrono::hours(1)) {
        return *every;
    }
    throw UsageError(fmt::format("{}: '{}' is no time from 1ms to 1h; write it as 100ms, 1s or 5m",
                                 where, text));
}

void require_watchable(const EvidenceSpec& spec, const std::string& scenario) {
    const bool names_claims = spec.mysql && !spec.mysql->claims.empty();
    const bool names_counters =
        spec.redis && !(spec.redis->remaining.empty() && spec.redis->backlog.empty());
    if (names_claims || names_counters) return;
    throw UsageError(fmt::format(
        "{}: --watch has nothing to read: name mysql.claims, redis.backlog or redis.remaining in "
        "the target, or leave --watch out",
        scenario));
}

Watch::Watch(const EvidenceSpec& spec, const Campaign& campaign,
             const std::filesystem::path& folder, const WatchOptions& options)
    : writer_(folder / kSamplesFile),
      sampler_(spec, campaign, options.every,
               [this, on_sample = options.on_sample](const StoreSample& sample) {
                   writer_.add(sample);
                   if (on_sample) on_sample(sample);
               }) {}

std::string Watch::finish() {
    try {
        sampler_.finish();
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

}  // namespace claimstorm
