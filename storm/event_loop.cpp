#include "storm/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

constexpr std::size_t kEventsATurn = 256;

[[noreturn]] void refuse(const char* what) {
    throw EnvironmentError(
        fmt::format("the system refuses {}: {}; is the machine out of memory "
                    "or of open files ('ulimit -n')?",
                    what, std::strerror(errno)));
}

}  // namespace

EventLoop::EventLoop() : epoll_(::epoll_create1(EPOLL_CLOEXEC)), events_(kEventsATurn) {
    if (epoll_ < 0) refuse("an epoll descriptor");
}

EventLoop::~EventLoop() {
    ::close(epoll_);
}

void EventLoop::watch(int fd, std::uint32_t events, ReadyListener& listener) {
    const auto index = static_cast<std::size_t>(fd);
    if (watched_.size() <= index) watched_.resize(index + 1);
    Watched& entry = watched_[index];
    entry.listener = &listener;
    ++entry.generation;
    epoll_event event{};
    event.events = events;
    event.data.u64 = (std::uint64_t{entry.generation} << 32) | static_cast<std::uint32_t>(fd);
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) refuse("to watch a connection");
}

void EventLoop::change(int fd, std::uint32_t events) {
    const Watched& entry = watched_[static_cast<std::size_t>(fd)];
    epoll_event event{};
    event.events = events;
    event.data.u64 = (std::uint64_t{entry.generation} << 32) | static_cast<std::uint32_t>(fd);
    if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) refuse("to watch a connection");
}

void EventLoop::forget(int fd) noexcept {
    const auto index = static_cast<std::size_t>(fd);
    if (index >= watched_.size() || watched_[index].listener == nullptr) return;
    watched_[index].listener = nullptr;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

int EventLoop::wait(Clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(until - Clock::now());
    const auto nanos = later_.empty() ? std::max<std::int64_t>(0, left.count()) : 0;
    const timespec span{nanos / 1'000'000'000, nanos % 1'000'000'000};
    const int room = static_cast<int>(events_.size());
    if (has_fine_wait_) {
        const int ready = ::epoll_pwait2(epoll_, events_.data(), room, &span, nullptr);
        if (ready >= 0 || errno != ENOSYS) return ready;
        has_fine_wait_ = false;  // Linux before 5.11
    }
    pollfd epoll{epoll_, POLLIN, 0};
    if (::ppoll(&epoll, 1, &span, nullptr) <= 0) return 0;
    return ::epoll_wait(epoll_, events_.data(), room, 0);
}

void EventLoop::turn(Clock::time_point until) {
    const int ready = wait(until);
    if (ready < 0 && errno != EINTR) refuse("to wait for connections");
    for (int i = 0; i < ready; ++i) {
        const epoll_event& event = events_[static_cast<std::size_t>(i)];
        const Watched& entry = watched_[event.data.u64 & 0xFFFFFFFFU];
        if (entry.listener == nullptr || entry.generation != event.data.u64 >> 32) continue;
        entry.listener->on_ready(event.events);
    }
    now_.swap(later_);
    for (ReadyListener* listener : now_) listener->on_ready(0);
    now_.clear();
}

}  // namespace claimstorm
