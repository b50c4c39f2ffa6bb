#include <mutex>
#include <numeric>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "storm/request_parts.h"
#include "tests/support/certificates.h"
#include "tests/support/h2_server.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Counts = std::map<Outcome, int>;

H2Server::Answer always(const H2Answer& answer) {
    return [answer](const H2Request&, int) { return answer; };
}

const H2Answer& granted() {
    static const H2Answer answer{200, R"({"id":"c1"})", {}};
    return answer;
}

/// A storm over HTTP/2 by one thread.
struct H2Storm : StormAt {
    explicit H2Storm(const std::string& url, std::uint32_t users = 1, std::uint32_t connections = 1)
        : StormAt(url, users, connections) {
        order.spec.threads = 1;
        order.endpoint.transport.version = HttpVersion::http2;
    }
};

Attempt answered_with(const H2Answer& answer) {
    H2Server server(always(answer));
    return H2Storm(server.url()).fire_one();
}

}  // namespace

TEST_CASE("a request is taken apart, and what belongs to HTTP/1.1 alone is left out") {
    RequestParts parts;
    take_apart(
        "POST /a?b=c HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\nX-A:  b c \r\n"
        "transfer-encoding: chunked\r\nContent-Length: 4\r\n\r\nab\r\n",
        parts);
    CHECK(parts.method == "POST");
    CHECK(parts.path == "/a?b=c");
    CHECK(parts.host == "h:1");
    CHECK(parts.body == "ab\r\n");
    REQUIRE(parts.headers.size() == 2);
    CHECK(parts.headers[0].name == "X-A");
    CHECK(parts.headers[0].value == "b c");
    CHECK(parts.headers[1].name == "Content-Length");
    take_apart("GET / HTTP/1.1\r\n\r\n", parts);
    CHECK(parts.headers.empty());
    CHECK(parts.body.empty());
}

TEST_CASE("a storm over HTTP/2 reads every answer, with one session for all its connections") {
    std::mutex mutex;
    std::map<std::string, int> seen;
    H2Request one;
    H2Server server([&](const H2Request& request, int) {
        const std::lock_guard lock(mutex);
        ++seen[request.body];
        one = request;
        return granted();
    });
    H2Storm storm(server.url() + "/shop", 500, 50);
    storm.order.endpoint.claim.path = "/claim";
    storm.order.endpoint.claim.headers = {{"X-Token", "t"}};
    const HistoryContents contents = storm.fire();
    CHECK(contents.history.attempts.size() == 500);
    for (const Attempt& attempt : contents.history.attempts) {
        CHECK(attempt.outcome == Outcome::granted);
        CHECK(attempt.claim_id != kNoText);
        CHECK(attempt.sent_ns < attempt.first_byte_ns);
        CHECK(attempt.first_byte_ns <= attempt.done_ns);
    }
    CHECK(seen.size() == 500);
    CHECK(server.requests() == 500);
    CHECK(server.connections() == 1);
    CHECK(one.headers[":method"] == "POST");
    CHECK(one.headers[":path"] == "/shop/claim");
    CHECK(one.headers[":scheme"] == "http");
    CHECK(one.headers[":authority"] == server.url().substr(7));
    CHECK(one.headers["x-token"] == "t");
    CHECK(one.headers.count("host") == 0);
}

TEST_CASE("as many sessions are opened as the service's limit of streams needs") {
    H2Server server(always(granted()), {}, 10);
    H2Storm storm(server.url(), 400, 35);
    const HistoryContents contents = storm.fire();
    CHECK(contents.history.attempts.size() == 400);
    CHECK(contents.history.connections_opened == 4);
    CHECK(server.connections() == 4);
    CHECK(server.most_streams_at_once() <= 10);
}

TEST_CASE("a service that allows no streams is told before the release") {
    H2Server server(always(granted()), {}, 0);
    H2Storm storm(server.url(), 4, 4);
    CHECK_THAT(storm.refusal(), Catch::Contains("the service allows too few streams"));
}

TEST_CASE(
    "the ends of all requests of a burst arrive as one packet, and nothing was whole before") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    const TlsServerContext context(certificates, "server", "h2");
    // The beginnings leave before the release, and a service that gets no processor until then
    // finds them together with the ends: it is asked again.
    constexpr int kStormsMax = 50;
    for (SSL_CTX* const security : {static_cast<SSL_CTX*>(nullptr), context.get()}) {
        for (const std::string method : {"GET", "POST"}) {
            bool were_begun = false;
            for (int storms = 0; storms < kStormsMax && !were_begun; ++storms) {
                H2Server server(always(granted()), {security, "", ""});
                StormAt storm(server.url(), 30, 30);
                storm.order.spec.threads = 1;
                storm.order.spec.arrival = Burst{BurstGate::single_packet};
                if (security != nullptr) storm.order.endpoint.transport.tls.ca = certificates.ca();
                storm.order.endpoint.claim.method = method;
                if (method == "GET") storm.order.endpoint.claim.body.clear();
                const HistoryContents contents = storm.fire();
                REQUIRE(contents.history.attempts.size() == 30);
                for (const Attempt& attempt : contents.history.attempts) {
                    CHECK(attempt.outcome == Outcome::granted);
                    CHECK(attempt.sent_ns >= 0);
                }
                CHECK(server.ends_by_read() == std::vector<int>{30});
                CHECK(server.connections() == 1);
                were_begun = server.begun_before_first_end() == 30;
            }
            CHECK(were_begun);
        }
    }
}

TEST_CASE("a burst of more claims than connections goes on with whole requests") {
    H2Server server(always(granted()));
    StormAt storm(server.url(), 100, 30);
    storm.order.spec.arrival = Burst{BurstGate::single_packet};
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 100}});
}

TEST_CASE("a burst through the full gate is one write, too, and held by nothing before") {
    H2Server server(always(granted()));
    H2Storm storm(server.url(), 40, 40);
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 40}});
    CHECK(server.begun_before_first_end() == 0);
    const std::vector<int> ends = server.ends_by_read();
    CHECK(std::accumulate(ends.begin(), ends.end(), 0) == 40);
}

TEST_CASE("HTTP/2 through TLS is agreed on by ALPN, or told before the release") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    const TlsServerContext h2(certificates, "server", "h2");
    H2Server server(always(granted()), {h2.get(), "", ""});
    H2Storm storm(server.url(), 50, 10);
    storm.order.endpoint.transport.tls.ca = certificates.ca();
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 50}});

    const TlsServerContext http1(certificates, "server", "http/1.1");
    ScriptedServer other([](const std::string&, int) { return ScriptedAnswer{}; },
                         {http1.get(), "", ""});
    storm.order.endpoint.base_url = other.url();
    CHECK_THAT(storm.refusal(),
               Catch::Contains("tls_failed (the service does not agree to HTTP/2"));
    CHECK(other.requests() == 0);
}

TEST_CASE("a service of HTTP/1.1 is told before the release") {
    ScriptedServer server([](const std::string&, int) {
        return ScriptedAnswer{http_answer(400, "what?"), true};
    });
    H2Storm storm(server.url(), 4, 2);
    CHECK_THAT(storm.refusal(),
               Catch::Contains("could not be opened: bad_response") && Catch::Contains("SETTINGS"));
}

TEST_CASE("a Unix socket carries HTTP/2, too") {
    const TemporaryFolder folder;
    const std::string path = (folder.path / "socket").string();
    H2Server server(always(granted()), {nullptr, path, ""});
    H2Storm storm("http://shop.test", 20, 5);
    storm.order.endpoint.transport.unix_socket = path;
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 20}});
}

TEST_CASE("streams that the service resets are unknown, once each, and their session stays") {
    for (const int code :
         {NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL, NGHTTP2_NO_ERROR}) {
        H2Server server([&](const H2Request&, int number) {
            H2Answer answer = granted();
            if (number % 3 == 0) answer.reset = code;
            return answer;
        });
        H2Storm storm(server.url(), 60, 6);
        const HistoryContents contents = storm.fire();
        Counts counts;
        for (const Attempt& attempt : contents.history.attempts) {
            ++counts[attempt.outcome];
            if (attempt.outcome == Outcome::unknown) {
                CHECK(attempt.transport_error == TransportError::reset);
                CHECK(attempt.sent_ns != kNever);
            }
        }
        CHECK(counts == Counts{{Outcome::granted, 40}, {Outcome::unknown, 20}});
        CHECK(server.requests() == 60);
        CHECK(server.connections() == 1);
    }
}

TEST_CASE("GOAWAY ends what it does not count in as unknown, and the rest goes to a new session") {
    H2Server server([&](const H2Request& request, int number) {
        H2Answer answer = granted();
        if (number == 20) answer.go_away = request.stream;
        return answer;
    });
    H2Storm storm(server.url(), 200, 10);
    const Counts counts = storm.fire_and_count();
    const int unknown = counts.count(Outcome::unknown) != 0 ? counts.at(Outcome::unknown) : 0;
    CHECK(counts.at(Outcome::granted) + unknown == 200);
    CHECK(unknown <= 9);
    CHECK(server.connections() >= 2);
    CHECK(server.connections() <= 3);
    CHECK(server.requests() <= 200);
}

TEST_CASE("a service that goes away after every answer costs sessions, not attempts") {
    H2Server server([&](const H2Request& request, int) {
        H2Answer answer = granted();
        answer.go_away = request.stream;
        return answer;
    });
    H2Storm storm(server.url(), 30, 1);
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 30}});
    CHECK(server.connections() == 30);
}

TEST_CASE("an answer that never comes is unknown after the timeout: its stream is cancelled") {
    H2Server server([&](const H2Request&, int number) {
        H2Answer answer = granted();
        answer.hang = number < 5;
        return answer;
    });
    H2Storm storm(server.url(), 40, 5);
    storm.order.spec.timeout = 200ms;
    const HistoryContents contents = storm.fire();
    int timeouts = 0;
    for (const Attempt& attempt : contents.history.attempts) {
        if (attempt.outcome == Outcome::granted) continue;
        CHECK(attempt.transport_error == TransportError::timeout);
        ++timeouts;
    }
    CHECK(timeouts == 5);
    CHECK(contents.history.attempts.size() == 40);
    CHECK(server.cancelled() == 5);
    CHECK(server.connections() == 1);
}

TEST_CASE("people who hang up cancel their streams only") {
    H2Server server(always({200, "", {}, 0, 0, true}));
    H2Storm storm(server.url(), 10, 10);
    storm.order.spec.hang_up = HangUp{1.0, 20ms};
    const HistoryContents contents = storm.fire();
    for (const Attempt& attempt : contents.history.attempts) {
        CHECK(attempt.transport_error == TransportError::hung_up);
        CHECK(attempt.outcome == Outcome::unknown);
    }
    CHECK(server.connections() == 1);
}

TEST_CASE("a session that is closed leaves its attempts unknown, and the others go on") {
    H2Server server([&](const H2Request&, int number) {
        H2Answer answer = granted();
        answer.close = number == 30;
        return answer;
    });
    H2Storm storm(server.url(), 100, 10);
    const HistoryContents contents = storm.fire();
    CHECK(contents.history.attempts.size() == 100);
    int unknown = 0;
    for (const Attempt& attempt : contents.history.attempts) {
        if (attempt.outcome == Outcome::granted) continue;
        CHECK(attempt.outcome == Outcome::unknown);
        CHECK((attempt.transport_error == TransportError::closed_early ||
               attempt.transport_error == TransportError::reset));
        ++unknown;
    }
    CHECK(unknown >= 1);
    CHECK(unknown <= 10);
    CHECK(server.connections() <= 3);
}

TEST_CASE("a service of HTTP/2 that dies leaves every planned attempt in the history") {
    H2Server server([&](const H2Request&, int number) {
        H2Answer answer = granted();
        answer.hang = number >= 20;
        return answer;
    });
    H2Storm storm(server.url(), 200, 4);
    std::thread killer([&] {
        while (server.requests() < 22) std::this_thread::yield();
        server.stop();
    });
    const Counts counts = storm.fire_and_count();
    killer.join();
    CHECK(counts.at(Outcome::granted) == 20);
    CHECK(counts.at(Outcome::unknown) >= 1);
    CHECK(counts.at(Outcome::unknown) + counts.at(Outcome::not_sent) == 180);
}

TEST_CASE("large requests and answers pass the windows of HTTP/2 whole") {
    std::mutex mutex;
    std::set<std::size_t> sizes;
    H2Server server([&](const H2Request& request, int) {
        const std::lock_guard lock(mutex);
        sizes.insert(request.body.size());
        return H2Answer{200, std::string(200'000, 'a'), {}};
    });
    for (const BurstGate gate : {BurstGate::full, BurstGate::single_packet}) {
        H2Storm storm(server.url(), 20, 4);
        storm.order.spec.arrival = Burst{gate};
        storm.order.spec.timeout = 5s;
        storm.order.endpoint.claim.body = std::string(100'000, 'b');
        CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 20}});
    }
    CHECK(sizes == std::set<std::size_t>{100'000});
}

TEST_CASE("over HTTP/2 endless headers and huge bodies end the attempt, not the program") {
    H2Answer answer = granted();
    answer.headers = {{"x", std::string(20'000, 'a')}, {"y", std::string(20'000, 'b')}};
    CHECK(answered_with(answer).transport_error == TransportError::header_too_large);
    answer = granted();
    answer.long_body = 1'000'000'000;
    CHECK(answered_with(answer).transport_error == TransportError::body_too_large);
    answer.headers = {{"content-length", "1000000000"}};
    const Attempt attempt = answered_with(answer);
    CHECK(attempt.transport_error == TransportError::body_too_large);
    CHECK(attempt.outcome == Outcome::unknown);
    answer = {};
    answer.raw = h2_frame(NGHTTP2_HEADERS, 0, 1, std::string(1, '\x88'));
    for (int i = 0; i < 1000; ++i) {
        answer.raw += h2_frame(NGHTTP2_CONTINUATION, 0, 1, std::string(16'000, '\x88'));
    }
    CHECK(answered_with(answer).transport_error == TransportError::bad_response);
}

TEST_CASE("floods and nonsense of frames end the session, not the program") {
    H2Answer answer;
    for (int i = 0; i < 20'000; ++i) answer.raw += h2_frame(NGHTTP2_SETTINGS, 0, 0, "");
    CHECK(answered_with(answer).outcome == Outcome::unknown);
    answer.raw.clear();
    for (int i = 0; i < 20'000; ++i) {
        answer.raw += h2_frame(NGHTTP2_PING, 0, 0, std::string(8, 'p'));
    }
    CHECK(answered_with(answer).outcome == Outcome::unknown);
    answer.raw = std::string(100'000, 'x');
    CHECK(answered_with(answer).transport_error == TransportError::bad_response);
    answer.raw = h2_frame(NGHTTP2_DATA, 0, 1, "body before headers");
    CHECK(answered_with(answer).outcome == Outcome::unknown);
    answer.raw = h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\x80\x80\x80");
    CHECK(answered_with(answer).transport_error == TransportError::bad_response);
    answer.raw = h2_frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, "\x88").substr(0, 5);
    CHECK(answered_with(answer).transport_error == TransportError::timeout);
}

TEST_CASE("a body that is not as long as announced is no answer") {
    H2Answer answer = granted();
    answer.headers = {{"content-length", "5"}};
    CHECK(answered_with(answer).outcome == Outcome::unknown);
    CHECK(answered_with(answer).transport_error == TransportError::bad_response);
}

TEST_CASE("interim answers, redirects and answers without a body are read over HTTP/2") {
    H2Answer answer = granted();
    answer.interim = 103;
    Attempt attempt = answered_with(answer);
    CHECK(attempt.outcome == Outcome::granted);
    CHECK(attempt.http_status == 200);
    attempt = answered_with({302, "", {{"location", "http://127.0.0.1:1/elsewhere"}}});
    CHECK(attempt.http_status == 302);
    CHECK(attempt.outcome == Outcome::rejected);
    CHECK(answered_with({410, "", {}}).outcome == Outcome::sold_out);
}

TEST_CASE("what nobody speaks is refused in one line, before a byte is sent") {
    H2Server server(always(granted()));
    H2Storm storm(server.url());
    storm.order.spec.arrival = Burst{BurstGate::last_byte};
    CHECK_THAT(storm.refusal(), Catch::Contains("HTTP/2 has single-packet"));
    storm.order.endpoint.transport.tls.verify = false;
    CHECK_THAT(storm.refusal(), Catch::Contains("write https://"));
    storm.order.endpoint.transport.tls = {};
    storm.order.endpoint.transport.proxy = "http://127.0.0.1:1";
    storm.order.endpoint.transport.unix_socket = "/run/app.sock";
    CHECK_THAT(storm.refusal(), Catch::Contains("leave out unix_socket or proxy"));
    storm.order.endpoint.transport.unix_socket.clear();
    CHECK_THAT(storm.refusal(), Catch::Contains("needs the native transport"));
    storm.order.endpoint.transport.kind = TransportKind::native;
    CHECK_THAT(storm.refusal(), Catch::Contains("say \"curl\""));
    storm.order.endpoint.transport.proxy.clear();
    storm.order.endpoint.transport.version = HttpVersion::http3;
    CHECK_THAT(storm.refusal(), Catch::Contains("say \"curl\""));
    CHECK(server.connections() == 0);
}
