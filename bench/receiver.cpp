#include "bench/receiver.h"

#include <fmt/format.h>

namespace claimstorm::bench {
namespace {

constexpr std::size_t kArrivalsMax = 2'000'000;
constexpr StampNs kHoldNsMax = 3'000'000'000;
constexpr StampNs kRoundNs = 100'000'000;

}  // namespace

std::string answer_text(int status, std::string_view body) {
    // ab speaks HTTP/1.0 and keeps a connection only when it is told so.
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: application/json\r\nConnection: keep-alive\r\n"
        "Content-Length: {}\r\n\r\n{}",
        status, status == 200 ? "OK" : "Conflict", body.size(), body);
}

void Receiver::begin(std::size_t held) {
    const std::lock_guard lock(mutex_);
    arrivals_.clear();
    held_.clear();
    to_hold_ = held;
}

std::vector<StampNs> Receiver::arrivals() const {
    const std::lock_guard lock(mutex_);
    return arrivals_;
}

void Receiver::on_request(HttpLoop& loop, ClientId client, StampNs arrived) {
    if (keeps_) {
        const std::lock_guard lock(mutex_);
        if (arrivals_.size() < kArrivalsMax) arrivals_.push_back(arrived);
        if (to_hold_ > 0 && arrivals_.size() > 1) {
            if (held_.empty()) held_since_ = arrived;
            held_.push_back(client);
            return;
        }
    }
    loop.answer(client, answer_);
}

StampNs Receiver::on_round(HttpLoop& loop, StampNs now) {
    if (!keeps_) return now + kRoundNs;
    const std::lock_guard lock(mutex_);
    const bool waited_enough = !held_.empty() && now - held_since_ > kHoldNsMax;
    if (to_hold_ > 0 && (held_.size() >= to_hold_ || waited_enough)) {
        to_hold_ = 0;
        for (const ClientId client : held_) loop.answer(client, answer_);
        held_.clear();
    }
    return now + kRoundNs;
}

}  // namespace claimstorm::bench
