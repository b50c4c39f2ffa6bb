#include "cli/terminal.h"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

#include "model/units.h"

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
    done();
    fmt::print(stderr, "  {}\n", what);
}

void RunDisplay::progress(std::uint64_t ended, std::uint64_t planned) {
    if (quiet_ || !terminal_) return;
    fmt::print(stderr, "\r    {} of {} attempts ", with_commas(static_cast<std::int64_t>(ended)),
               with_commas(static_cast<std::int64_t>(planned)));
    std::fflush(stderr);
    drawn_ = true;
}

void RunDisplay::done() {
    if (drawn_) fmt::print(stderr, "\r\033[K");
    drawn_ = false;
}

int exit_status_of(Verdict verdict) noexcept {
    if (verdict == Verdict::holds) return 0;
    return verdict == Verdict::violated ? 1 : 4;
}

}  // namespace claimstorm
