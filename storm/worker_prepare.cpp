// What a worker does before the release: its connections are opened and warmed, or the storm is
// refused.
#include <algorithm>

#include <fmt/format.h>

#include "model/error.h"
#include "storm/worker.h"

namespace claimstorm {
namespace {

using std::chrono::milliseconds;

/// SYNs under way at once while connections are opened: below any listen backlog in use.
constexpr std::size_t kOpeningMax = 64;
constexpr auto kPrepareMax = std::chrono::seconds(15);
constexpr std::string_view kTlsHint = "\"tls\" in the target file says who is trusted and who asks";

/// "tls_failed (certificate verify failed: self-signed certificate)"
std::string in_words(const Exchange& exchange) {
    const bool says_it_all = exchange.error == TransportError::connect_refused;
    if (exchange.reason.empty() || says_it_all) return std::string(to_string(exchange.error));
    return fmt::format("{} ({})", to_string(exchange.error), exchange.reason);
}

}  // namespace

void Worker::prepare() {
    run_phase(Phase::opening);
    if (job_.route.target.tls != nullptr) look_again();
    if (job_.warm_up != nullptr) run_phase(Phase::warming);
}

void Worker::run_phase(Phase phase) {
    phase_ = phase;
    next_to_prepare_ = prepared_ = 0;
    while (next_to_prepare_ < std::min(kOpeningMax, connections_.size())) {
        open_or_warm(*connections_[next_to_prepare_++]);
    }
    const auto deadline = Clock::now() + kPrepareMax;
    while (prepared_ < connections_.size() && prepare_error_.empty()) {
        if (job_.stop) throw Interrupted("interrupted before the release: nothing was sent");
        if (Clock::now() > deadline) {
            prepare_error_ = fmt::format("{} of {} connections were ready after {} s", prepared_,
                                         connections_.size(), kPrepareMax.count());
            break;
        }
        loop_.turn(Clock::now() + milliseconds(50));
    }
    if (!prepare_error_.empty()) refuse_to_start();
}

/// In TLS 1.3 a service refuses a client's certificate, or the want of one, after the handshake:
/// what was opened is open only when that word had the time to come.
void Worker::look_again() {
    constexpr auto kLate = milliseconds(50);
    const auto until = Clock::now() + kLate;
    while (Clock::now() < until) loop_.turn(until);
    for (std::size_t i = 0; i < connections_.size(); ++i) {
        if (connections_[i]->is_open()) continue;
        const std::string& reason = connections_[i]->exchange().reason;
        prepare_error_ =
            fmt::format("connection {} of {} was closed again once it was open: {}", i + 1,
                        connections_.size(), reason.empty() ? "no reason is given" : reason);
        prepare_hint_ = kTlsHint;
        refuse_to_start();
    }
}

void Worker::open_or_warm(Connection& connection) {
    if (phase_ == Phase::opening) {
        connection.open();
        return;
    }
    connection.exchange().head = job_.warm_up_is_head;
    job_.warm_up->render(connection.exchange().request, users_->read(1), ClaimValues{});
    connection.send();
}

void Worker::on_prepared(Connection& connection) {
    if (!prepare_error_.empty()) return;  // the first one is told
    ++prepared_;
    const Exchange& exchange = connection.exchange();
    if (exchange.error != TransportError::none) {
        const std::string why = in_words(exchange);
        prepare_error_ = phase_ == Phase::opening
                             ? fmt::format("connection {} of {} could not be opened: {}", prepared_,
                                           connections_.size(), why)
                             : fmt::format("the warm-up request failed: {}", why);
        if (exchange.error == TransportError::tls_failed) {
            prepare_hint_ = kTlsHint;
        }
    } else if (phase_ == Phase::warming && exchange.status / 100 != 2) {
        prepare_error_ = fmt::format("the warm-up request was answered with {}", exchange.status);
    } else if (next_to_prepare_ < connections_.size()) {
        open_or_warm(*connections_[next_to_prepare_++]);
    }
}

void Worker::refuse_to_start() const {
    throw EnvironmentError(fmt::format("target {}: {}; nothing was sent: {}", job_.target_name,
                                       prepare_error_, prepare_hint_));
}

}  // namespace claimstorm
