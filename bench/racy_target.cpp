#include "bench/racy_target.h"

#include <algorithm>
#include <thread>

#include "bench/receiver.h"

namespace claimstorm::bench {
namespace {

constexpr StampNs kRoundNs = 100'000'000;

StampNs to_ns(std::chrono::microseconds duration) {
    return std::chrono::nanoseconds(duration).count();
}

}  // namespace

std::string RacyTarget::answer_of(int status) {
    return answer_text(status, status == 200 ? kGrantedBody : R"({"code":1001})");
}

void RacyTarget::begin(int stock, int claims_max) {
    const std::lock_guard lock(mutex_);
    stock_ = stock;
    stock_at_first_ = stock;
    claims_ = 0;
    claims_max_ = claims_max;
    granted_count_ = 0;
}

RacyTarget::Sale RacyTarget::end() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            if (due_.empty() || std::chrono::steady_clock::now() > deadline) {
                return {claims_, std::max(0, granted_count_ - stock_at_first_)};
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void RacyTarget::on_request(HttpLoop& /*loop*/, ClientId client, StampNs /*arrived*/) {
    const std::lock_guard lock(mutex_);
    const StampNs now = stamp_now();
    std::uniform_int_distribution<StampNs> answers_after(to_ns(options_.answer_min),
                                                         to_ns(options_.answer_max));
    Act answer = Act::refuse;
    if (claims_ < claims_max_) {
        ++claims_;
        if (stock_ > 0) {
            ++granted_count_;
            answer = Act::grant;
            due_.push({now + to_ns(options_.window), Act::take, {}});
        }
    }
    due_.push({now + answers_after(random_), answer, client});
}

StampNs RacyTarget::on_round(HttpLoop& loop, StampNs now) {
    const std::lock_guard lock(mutex_);
    while (!due_.empty() && due_.top().at <= now) {
        const Due due = due_.top();
        due_.pop();
        if (due.act == Act::take) {
            --stock_;
        } else {
            loop.answer(due.client, due.act == Act::grant ? granted_ : refused_);
        }
    }
    return due_.empty() ? now + kRoundNs : due_.top().at;
}

}  // namespace claimstorm::bench
