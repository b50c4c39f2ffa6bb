#pragma once

#include <chrono>
#include <csignal>
#include <latch>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "tests/support/flow_bench.h"

namespace claimstorm::test {

/// Of two claims, the one who stops half-way and the one who passes meanwhile.
struct Overtaking {
    std::string stopped_at;  ///< the first stops at this step …
    /// … until the second has reached this one; empty: until it has ended.
    std::string overtaken_at = {};

    struct Outcomes {
        Outcome first = Outcome::unknown;
        Outcome second = Outcome::unknown;
    };

    Outcomes run(const Bench& bench, const std::string& first, const std::string& second) const {
        Outcomes outcomes;
        std::latch passed(1);
        std::thread other;
        bool has_stopped = false;
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step != stopped_at || std::exchange(has_stopped, true)) return;
            other = std::thread([&] { outcomes.second = overtake(bench, second, passed); });
            passed.wait();
        };
        Context context(lab_stores(), &hook);
        outcomes.first = bench.claim(context, first);
        if (other.joinable()) other.join();
        return outcomes;
    }

  private:
    Outcome overtake(const Bench& bench, const std::string& user, std::latch& passed) const {
        bool has_passed = false;
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step == overtaken_at && !std::exchange(has_passed, true)) passed.count_down();
        };
        Context context(lab_stores(), &hook);
        const Outcome outcome = bench.claim(context, user);
        if (!has_passed) passed.count_down();
        return outcome;
    }
};

/// A claim whose process dies at the step, as by kill -9. Returns whether it got there.
inline bool claim_and_crash(const Bench& bench, const std::string& user, const std::string& at) {
    const pid_t child = ::fork();
    if (child < 0) throw std::runtime_error("fork failed");
    if (child == 0) {
        // Connections of its own: the parent's are shared, and must not be used or closed here.
        const StepHook hook = [&](Context&, std::string_view step) {
            if (step == at) ::kill(::getpid(), SIGKILL);
        };
        try {
            Context context(lab_stores(), &hook);
            bench.claim(context, user);
        } catch (...) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid failed");
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/// A flow's background work on a thread of its own, until the end of this.
class BackgroundThread {
  public:
    BackgroundThread(const Bench& bench, StepHook hook)
        : hook_(std::move(hook)),
          work_(bench.flow->background().at(0)),
          context_(lab_stores(), &hook_),
          thread_([this](const std::stop_token& stop) { work_.run(context_, stop); }) {}

  private:
    StepHook hook_;
    BackgroundWork work_;
    Context context_;
    std::jthread thread_;
};

}  // namespace claimstorm::test
