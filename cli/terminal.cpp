#include "cli/terminal.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

namespace claimstorm {
namespace {

bool no_color() {
    const char* value = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return value != nullptr && *value != '\0';
}

}  // namespace

TextStyle stdout_style() {
    TextStyle style;
    style.color = ::isatty(STDOUT_FILENO) == 1 && !no_color();
    return style;
}

RunDisplay::RunDisplay(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

void RunDisplay::phase(std::string_view what) {
    if (quiet_) return;
    const std::lock_guard lock(mutex_);
    clear();
    fmt::print(stderr, "  {}\n", what);
}

void RunDisplay::progress(std::uint64_t ended, std::uint64_t planned, std::uint64_t granted) {
    const std::lock_guard lock(mutex_);
    state_.ended = ended;
    state_.planned = planned;
    state_.granted = granted;
    draw();
}

void RunDisplay::sample(const StoreSample& sample) {
    const std::lock_guard lock(mutex_);
    state_.sample = sample;
    draw();
}

void RunDisplay::done() {
    const std::lock_guard lock(mutex_);
    clear();
}

/// What is left of a longer line before it is cleared behind the new one.
void RunDisplay::draw() {
    if (quiet_ || !terminal_) return;
    fmt::print(stderr, "\r    {} \033[K", live_line(state_));
    std::fflush(stderr);
    drawn_ = true;
}

void RunDisplay::clear() {
    if (drawn_) fmt::print(stderr, "\r\033[K");
    drawn_ = false;
}

int exit_status_of(Verdict verdict) noexcept {
    if (verdict == Verdict::holds) return 0;
    return verdict == Verdict::violated ? 1 : 4;
}

}  // namespace claimstorm
