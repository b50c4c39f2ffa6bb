#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "model/evidence.h"
#include "model/finding.h"
#include "reports/live_line.h"
#include "reports/text_report.h"

namespace claimstorm {

/// Colours for a terminal, none for a pipe, a file, or where NO_COLOR is set.
TextStyle stdout_style();

/// What happens while a run goes on, on stderr: a line a phase, and one that is redrawn only on a
/// terminal. Prints nothing when quiet. Any thread.
class RunDisplay {
  public:
    explicit RunDisplay(bool quiet);
    void phase(std::string_view what);
    void progress(std::uint64_t ended, std::uint64_t planned, std::uint64_t granted = 0);
    void sample(const StoreSample& sample);
    /// Clears the line before other output.
    void done();

  private:
    void draw();
    void clear();

    bool quiet_;
    bool terminal_;
    std::mutex mutex_;
    LiveState state_;
    bool drawn_ = false;
};

/// 0 holds, 1 violated, 4 inconclusive.
int exit_status_of(Verdict verdict) noexcept;

}  // namespace claimstorm
