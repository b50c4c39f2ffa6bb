// Services that answer with all that HTTP allows to be endless, late, early or twice. Each attempt
// is a counted outcome, ends in time, and costs no more memory than the limits say.
#include <chrono>
#include <map>
#include <sys/resource.h>

#include <catch2/catch.hpp>

#include "storm/response_parser.h"
#include "tests/support/sanitized.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

// The sanitizers keep what was freed for a while, and a shadow of everything.
constexpr std::int64_t kGrownBytesMax = kSanitized ? 500'000'000 : 64'000'000;

struct HostileStorm : StormAt {
    HostileStorm(const std::string& url, std::uint32_t users, std::uint32_t connections)
        : StormAt(url, users, connections) {
        order.spec.timeout = 5s;
    }

    AttemptList fire() { return StormAt::fire().history.attempts; }
};

std::int64_t peak_memory_bytes() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss * 1024;
}

/// What the attempts of four users come to when every answer begins with `head` and goes on with
/// `piece` for as long as anybody reads, up to 1 GB.
struct EndlessAnswer {
    std::map<TransportError, int> errors;
    std::int64_t sent_bytes = 0;
    std::int64_t grown_bytes = 0;  ///< of this process, the service in it included
    std::chrono::nanoseconds took{0};

    EndlessAnswer(const std::string& head, const std::string& piece) {
        constexpr std::int64_t kGigabyte = 1'000'000'000;
        std::atomic<std::int64_t> sent{0};
        ScriptedServer server([&](const std::string&, int) {
            ScriptedAnswer answer{head};
            answer.more = [&] {
                sent += static_cast<std::int64_t>(piece.size());
                return sent < 4 * kGigabyte ? piece : std::string();
            };
            return answer;
        });
        HostileStorm storm(server.url(), 4, 4);
        const std::int64_t before = peak_memory_bytes();
        const auto began = Clock::now();
        const auto attempts = storm.fire();
        took = Clock::now() - began;
        grown_bytes = peak_memory_bytes() - before;
        sent_bytes = sent;
        REQUIRE(attempts.size() == 4);
        for (const Attempt& attempt : attempts) {
            CHECK(attempt.outcome == Outcome::unknown);
            ++errors[attempt.transport_error];
        }
    }

    /// Ended by a limit: long before the time was over, and with little of it read.
    void require_bounded(TransportError error) const {
        CHECK(errors == std::map<TransportError, int>{{error, 4}});
        CHECK(took < 4s);
        CHECK(sent_bytes < 100'000'000);
        CHECK(grown_bytes < kGrownBytesMax);
    }
};

}  // namespace

TEST_CASE("an answer that drips a byte at a time ends by the attempt's timeout, not later") {
    const std::string head = "HTTP/1.1 200 OK\r\nX-Slow: ";
    ScriptedServer server([&](const std::string&, int) {
        ScriptedAnswer answer{"H"};
        answer.pause_ms = 3;
        answer.more = [&head, at = std::size_t{0}]() mutable {
            return std::string(1, ++at < head.size() ? head[at] : 'a');
        };
        return answer;
    });
    HostileStorm storm(server.url(), 4, 4);
    storm.order.spec.timeout = 300ms;
    const auto began = Clock::now();
    const auto attempts = storm.fire();
    const auto took = Clock::now() - began;
    REQUIRE(attempts.size() == 4);
    for (const Attempt& attempt : attempts) {
        CHECK(attempt.outcome == Outcome::unknown);
        CHECK(attempt.transport_error == TransportError::timeout);
        CHECK(attempt.first_byte_ns != kNever);
        CHECK(attempt.done_ns == kNever);
    }
    CHECK(took >= 300ms);
    CHECK(took < 10s);  // else it would drip for ever
}

TEST_CASE("a body of a gigabyte is not read, however it is announced") {
    const std::string block(65'536, 'x');
    EndlessAnswer("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n", block)
        .require_bounded(TransportError::body_too_large);
    EndlessAnswer("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", block)
        .require_bounded(TransportError::body_too_large);
    EndlessAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                  "10000\r\n" + block + "\r\n")
        .require_bounded(TransportError::body_too_large);
}

TEST_CASE("header lines, chunk extensions and trailers without end are cut off") {
    EndlessAnswer("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n")
        .require_bounded(TransportError::header_too_large);
    EndlessAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5", ";extension=more")
        .require_bounded(TransportError::header_too_large);
    EndlessAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                  "X-More: and more\r\n")
        .require_bounded(TransportError::header_too_large);
}

TEST_CASE("interim answers without end are no answer") {
    EndlessAnswer("", "HTTP/1.1 100 Continue\r\n\r\n")
        .require_bounded(TransportError::bad_response);
    EndlessAnswer("", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n")
        .require_bounded(TransportError::bad_response);
}

TEST_CASE("a service that stops listening midway refuses what comes, and answers what is there") {
    std::atomic<ScriptedServer*> self{nullptr};
    ScriptedServer server([&](const std::string&, int number) {
        if (number == 20) self.load()->refuse();
        return ScriptedAnswer{http_answer(200, "{}", "Connection: close\r\n"), true};
    });
    self = &server;
    const auto attempts = HostileStorm(server.url(), 200, 4).fire();
    REQUIRE(attempts.size() == 200);
    auto counts = outcomes_of(attempts);
    CHECK(counts[Outcome::granted] >= 21 - 3);
    CHECK(counts[Outcome::not_sent] >= 160);
    // What waited to be accepted has perhaps been sent: unknown, and only that.
    CHECK(counts[Outcome::unknown] <= 4);
    CHECK(counts[Outcome::granted] + counts[Outcome::unknown] + counts[Outcome::not_sent] == 200);
    CHECK(server.requests() + counts[Outcome::not_sent] <= 200);
    int refused = 0;
    for (const Attempt& attempt : attempts) {
        refused += attempt.transport_error == TransportError::connect_refused ? 1 : 0;
    }
    CHECK(refused >= 160);
}

TEST_CASE("an answer before the request was whole counts, and its connection is not used again") {
    // The service looks at the first bytes only, so most of such a request stays unsent.
    ScriptedServer server([](const std::string&, int) {
        return ScriptedAnswer{http_answer(410, "{}"), false, false, true};
    });
    server.answer_at_first_bytes();
    HostileStorm storm(server.url(), 6, 2);
    storm.order.endpoint.claim.body.assign(8'000'000, 'x');
    const auto attempts = storm.fire();
    CHECK(outcomes_of(attempts)[Outcome::sold_out] == 6);
    CHECK(server.connections() >= 6);
}

TEST_CASE("two answers to one request are one, and its connection is not used again") {
    const std::string granted = http_answer(200, "{}");
    ScriptedServer server(
        [&](const std::string&, int) { return ScriptedAnswer{granted + granted}; });
    const auto attempts = HostileStorm(server.url(), 20, 2).fire();
    CHECK(outcomes_of(attempts)[Outcome::granted] == 20);
    CHECK(server.requests() == 20);
    CHECK(server.connections() == 20);
}
