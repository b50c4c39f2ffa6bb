#pragma once

#include <chrono>
#include <cstdint>
#include <sys/epoll.h>
#include <vector>

namespace claimstorm {

/// Told when a file descriptor it watches is ready.
class ReadyListener {
  public:
    ReadyListener() = default;
    virtual ~ReadyListener() = default;
    ReadyListener(const ReadyListener&) = delete;
    ReadyListener& operator=(const ReadyListener&) = delete;

    /// `events` as epoll gives them (EPOLLIN …), or 0 for a call asked for with `later`.
    virtual void on_ready(std::uint32_t events) = 0;
};

/// One thread's epoll, level-triggered, so that a reply costs one read and no call that only finds
/// out that there is nothing: what that saves over a general event loop is measured by
/// `./dev bench storm`. Timers are the caller's: a turn ends at the instant it names.
class EventLoop {
  public:
    using Clock = std::chrono::steady_clock;

    /// Throws EnvironmentError when the system has no epoll descriptor left.
    EventLoop();
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Watches `fd` for `events` (EPOLLIN, EPOLLOUT); errors and hang-ups are always told. The
    /// listener must stay until `forget`. Throws EnvironmentError when the system refuses.
    void watch(int fd, std::uint32_t events, ReadyListener& listener);
    void change(int fd, std::uint32_t events);
    /// Before `fd` is closed. What this turn has still to tell of it is not told any more.
    void forget(int fd) noexcept;

    /// `listener.on_ready(0)` in the next turn. The listener must stay until then.
    void later(ReadyListener& listener) { later_.push_back(&listener); }

    /// Connections that were made by whoever uses this loop; told by them.
    void count_connections(std::int64_t made) noexcept { connections_made_ += made; }
    std::int64_t connections_made() const noexcept { return connections_made_; }

    /// Waits until something is ready, at most until `until`, and tells it.
    void turn(Clock::time_point until);

  private:
    struct Watched {
        ReadyListener* listener = nullptr;
        std::uint32_t generation = 0;  // a descriptor's number is used again after a close
    };

    int wait(Clock::time_point until);

    int epoll_ = -1;
    bool has_fine_wait_ = true;
    std::vector<Watched> watched_;  // by file descriptor
    std::vector<epoll_event> events_;
    std::vector<ReadyListener*> later_;
    std::vector<ReadyListener*> now_;
    std::int64_t connections_made_ = 0;
};

}  // namespace claimstorm
