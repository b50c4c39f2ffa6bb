#include "storm/connection.h"

namespace claimstorm {

void Connection::begin() {
    exchange_.body.clear();
    exchange_.headers.clear();
    exchange_.status = 0;
    exchange_.error = TransportError::none;
    exchange_.reason.clear();
    exchange_.sent_ns = kNever;
    exchange_.first_byte_ns = kNever;
    exchange_.done_ns = kNever;
    in_flight_ = true;
    ++serial_;
}

void Connection::finish_later(TransportError error) {
    late_.error = error;
    late_.serial = serial_;
    loop_.later(late_);
}

void Connection::finish(TransportError error) {
    if (!in_flight_) return;
    in_flight_ = false;
    exchange_.error = error;
    if (error != TransportError::none) close();
    listener_.on_exchange_done(*this);
}

}  // namespace claimstorm
