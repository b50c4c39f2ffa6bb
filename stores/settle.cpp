#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "model/units.h"
#include "stores/evidence_reader.h"

namespace claimstorm {
namespace {

using Clock = std::chrono::steady_clock;

/// InnoDB shows INNODB_TRX from a cache, which it makes anew only when nobody has looked for 100
/// ms: asked more often, it would never show a transaction that began meanwhile.
constexpr std::chrono::milliseconds kTransactionsSeenAnew{150};

/// Sleeps in short steps, so that Ctrl-C is answered. False when stopped.
bool pause(std::chrono::milliseconds span, const std::atomic<bool>& stop) {
    const auto until = Clock::now() + span;
    while (Clock::now() < until) {
        if (stop) return false;
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        std::this_thread::sleep_for(
            std::min(left + std::chrono::milliseconds(1), std::chrono::milliseconds(50)));
    }
    return !stop;
}

}  // namespace

Settlement settle(EvidenceReader& reader, std::chrono::milliseconds quiet,
                  std::chrono::milliseconds timeout, const std::atomic<bool>& stop) {
    const auto begin = Clock::now();
    Settlement settlement;
    Pulse last = reader.pulse();
    for (;;) {
        const bool paused = pause(std::max(quiet, kTransactionsSeenAnew), stop);
        const Pulse now = reader.pulse();
        settlement.waited =
            std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
        const std::string moved = last.difference(now);
        if (!paused) {
            settlement.why_not = "interrupted before the stores had settled";
        } else if (const std::string why = now.unreadable(); !why.empty()) {
            settlement.why_not = "whether the stores still change cannot be seen: " + why;
        } else if (!moved.empty()) {
            settlement.why_not = fmt::format("the stores still change after {}: {}",
                                             format_duration(settlement.waited), moved);
        } else if (now.open_transactions > 0) {
            settlement.why_not =
                fmt::format("{} transactions with changes are still open after {}",
                            now.open_transactions, format_duration(settlement.waited));
        } else {
            settlement.why_not.clear();
            settlement.settled = true;
        }
        if (settlement.settled || !paused || settlement.waited >= timeout) return settlement;
        last = now;
    }
}

}  // namespace claimstorm
