#pragma once

#include <vector>

#include "model/history.h"
#include "model/result.h"
#include "storm/histogram.h"

namespace claimstorm {

/// Everything the report says of the storm itself, gathered attempt by attempt: one a thread, of a
/// fixed size (0.8 MB, and a bit a user), merged at the end. O(1) an attempt.
class StormRecorder {
  public:
    void add(const Attempt& attempt);
    void merge(const StormRecorder& other);
    void add_connections(std::int64_t opened);
    std::int64_t connections_opened() const noexcept {
        return counts_.connections_opened.value_or(0);
    }

    /// `send_lag_us_p99` leaves out the attempts that waited for a free connection: their lateness
    /// is the service's, and `waited` counts them. An attempt that was polled lasts until the
    /// answer that told its outcome: its latency and its service time hold the waits between the
    /// polls too. One that stayed pending lasts until the answer that said so first.
    StormFigures figures() const;

    /// Done minus due: what users felt, free of coordinated omission.
    const Histogram& latency() const noexcept { return latency_; }
    /// Done minus sent: what the service took.
    const Histogram& service() const noexcept { return service_; }

  private:
    /// A range of instants that grows with what it is shown.
    struct Range {
        TimeNs first = kNever;
        TimeNs last = 0;
        void add(TimeNs from, TimeNs to);
        TimeNs width() const { return first == kNever ? 0 : last - first; }
    };

    StormFigures counts_;  // what can be counted without knowing the end
    Histogram latency_;
    Histogram service_;
    Histogram send_lag_;
    Range released_;
    TimeNs last_done_ = 0;
    TimeNs first_sold_out_ = kNever;
    std::vector<bool> seen_;  // by user
};

/// The figures of a whole history.
StormFigures storm_figures(const History& history);

}  // namespace claimstorm
