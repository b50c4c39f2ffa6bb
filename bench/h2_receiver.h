#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bench/http_loop.h"
#include "lab/posix.h"

namespace claimstorm::bench {

/// Speaks HTTP/2 in cleartext with clients that know so beforehand, answers every request alike
/// and writes down when each was there whole (END_STREAM). Its thread waits awake while a
/// connection is open, so that an arrival is seen when it happens: requests that share a packet are
/// read at once and have one instant.
class H2Receiver {
  public:
    /// Listens on a free port of 127.0.0.1. Throws EnvironmentError.
    H2Receiver();
    ~H2Receiver();
    H2Receiver(const H2Receiver&) = delete;
    H2Receiver& operator=(const H2Receiver&) = delete;

    std::string url() const;
    void begin();
    std::vector<StampNs> arrivals() const;

    class Session;

  private:
    void serve();
    void accept_all();
    bool turn(Session& session);

    std::uint16_t port_ = 0;
    UniqueFd listener_;
    std::vector<std::unique_ptr<Session>> sessions_;
    mutable std::mutex mutex_;
    std::vector<StampNs> arrivals_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};

}  // namespace claimstorm::bench
