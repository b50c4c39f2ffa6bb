#include <set>

#include <catch2/catch.hpp>

#include "model/outcome.h"

namespace claimstorm::test {

TEST_CASE("each outcome and transport error reads back from its name") {
    std::set<std::string_view> names;
    for (const Outcome outcome : kOutcomes) {
        CHECK(outcome_from(to_string(outcome)) == outcome);
        CHECK(names.insert(to_string(outcome)).second);
    }
    for (const TransportError error : kTransportErrors) {
        CHECK(transport_error_from(to_string(error)) == error);
        CHECK(names.insert(to_string(error)).second);
    }
    CHECK_FALSE(outcome_from("Granted").has_value());
    CHECK_FALSE(outcome_from("").has_value());
    CHECK_FALSE(transport_error_from("granted").has_value());
}

TEST_CASE("the bytes in history.bin keep their meaning for ever") {
    CHECK(to_string(static_cast<Outcome>(0)) == "granted");
    CHECK(to_string(static_cast<Outcome>(1)) == "sold_out");
    CHECK(to_string(static_cast<Outcome>(2)) == "already_claimed");
    CHECK(to_string(static_cast<Outcome>(3)) == "throttled");
    CHECK(to_string(static_cast<Outcome>(4)) == "rejected");
    CHECK(to_string(static_cast<Outcome>(5)) == "pending");
    CHECK(to_string(static_cast<Outcome>(6)) == "unknown");
    CHECK(to_string(static_cast<Outcome>(7)) == "not_sent");
    CHECK(to_string(static_cast<TransportError>(0)) == "none");
    CHECK(to_string(static_cast<TransportError>(1)) == "connect_refused");
    CHECK(to_string(static_cast<TransportError>(2)) == "connect_timeout");
    CHECK(to_string(static_cast<TransportError>(3)) == "connect_failed");
    CHECK(to_string(static_cast<TransportError>(4)) == "send_failed");
    CHECK(to_string(static_cast<TransportError>(5)) == "reset");
    CHECK(to_string(static_cast<TransportError>(6)) == "closed_early");
    CHECK(to_string(static_cast<TransportError>(7)) == "timeout");
    CHECK(to_string(static_cast<TransportError>(8)) == "bad_response");
    CHECK(to_string(static_cast<TransportError>(9)) == "body_too_large");
    CHECK(to_string(static_cast<TransportError>(10)) == "header_too_large");
    CHECK(to_string(static_cast<TransportError>(11)) == "cancelled");
}

TEST_CASE("only an unknown or pending attempt may have taken effect unheard") {
    for (const Outcome outcome : kOutcomes) {
        INFO(to_string(outcome));
        CHECK(is_indeterminate(outcome) ==
              (outcome == Outcome::unknown || outcome == Outcome::pending));
    }
}

}  // namespace claimstorm::test
