#include <cstdlib>
#include <mutex>
#include <set>

#include <catch2/catch.hpp>
#include <curl/curl.h>

#include "model/error.h"
#include "tests/support/certificates.h"
#include "tests/support/h2_server.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"
#include "tests/support/tunnel_proxy.h"

using namespace claimstorm;
using namespace claimstorm::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using Counts = std::map<Outcome, int>;

// NOLINTNEXTLINE(readability-identifier-naming): a constant all the same
const std::string kGranted = http_answer(200, R"({"id":"c1"})");

ScriptedServer::Answer always(const ScriptedAnswer& answer) {
    return [answer](const std::string&, int) { return answer; };
}

/// A storm through libcurl by one thread.
struct CurlStorm : StormAt {
    explicit CurlStorm(const std::string& url, std::uint32_t users = 1,
                       std::uint32_t connections = 1)
        : StormAt(url, users, connections) {
        order.spec.threads = 1;
        order.endpoint.transport.kind = TransportKind::curl;
    }
    TransportSpec& transport() { return order.endpoint.transport; }
};

Attempt answered_with(const ScriptedAnswer& answer) {
    ScriptedServer server(always(answer));
    return CurlStorm(server.url()).fire_one();
}

}  // namespace

TEST_CASE("through libcurl every user claims exactly once, over the storm's connections") {
    for (const std::uint32_t threads : {1U, 2U}) {
        std::mutex mutex;
        std::map<std::string, int> seen;
        ScriptedServer server([&](const std::string& request, int) {
            const std::lock_guard lock(mutex);
            ++seen[request.substr(request.find("\r\n\r\n") + 4)];
            return ScriptedAnswer{kGranted};
        });
        CurlStorm storm(server.url(), 200, 7);
        storm.order.spec.threads = threads;
        const HistoryContents contents = storm.fire();
        REQUIRE(contents.history.attempts.size() == 200);
        for (const Attempt& attempt : contents.history.attempts) {
            CHECK(attempt.outcome == Outcome::granted);
            CHECK(attempt.claim_id != kNoText);
            CHECK(attempt.sent_ns >= 0);
            CHECK(attempt.sent_ns < attempt.first_byte_ns);
            CHECK(attempt.first_byte_ns <= attempt.done_ns);
        }
        CHECK(seen.size() == 200);
        CHECK(server.requests() == 200);
        CHECK(contents.history.connections_opened == server.connections());
        CHECK(server.connections() <= 7 + static_cast<int>(threads));  // one a worker looks ahead
    }
}

TEST_CASE("libcurl sends the request that was written, and no header of its own") {
    std::mutex mutex;
    std::string seen;
    ScriptedServer server([&](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        seen = request;
        return ScriptedAnswer{kGranted};
    });
    CurlStorm storm(server.url() + "/shop");
    storm.order.endpoint.claim.path = "/a/../b?c={user}";
    storm.order.endpoint.claim.headers = {{"X-Token", "t"}, {"Content-Type", "text/plain"}};
    storm.order.endpoint.claim.body = std::string(100'000, 'b');
    CHECK(storm.fire_one().outcome == Outcome::granted);
    const std::string head = seen.substr(0, seen.find("\r\n\r\n") + 2);
    CHECK(head == "POST /shop/a/../b?c=u1 HTTP/1.1\r\nHost: " + server.url().substr(7) +
                      "\r\nUser-Agent: claimstorm/" CLAIMSTORM_VERSION
                      "\r\nX-Token: t\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n");
    CHECK(seen.size() == head.size() + 2 + 100'000);

    storm.order.endpoint.claim = RequestSpec{"GET", "/g", {{"X-Empty", ""}}, "", {}};
    CHECK(storm.fire_one().outcome == Outcome::granted);
    CHECK_THAT(seen, Catch::StartsWith("GET /shop/g HTTP/1.1\r\nHost: ") &&
                         Catch::Contains("\r\nX-Empty:") && !Catch::Contains("Content-") &&
                         !Catch::Contains("Accept"));
    storm.order.endpoint.claim = RequestSpec{"POST", "/p", {}, "", {}};
    CHECK(storm.fire_one().outcome == Outcome::granted);
    CHECK_THAT(seen, Catch::StartsWith("POST ") && Catch::Contains("Content-Length: 0") &&
                         !Catch::Contains("Content-Type"));
    storm.order.endpoint.claim = RequestSpec{"HEAD", "/h", {}, "", {}};
    CHECK(storm.fire_one().outcome == Outcome::granted);
    CHECK_THAT(seen, Catch::StartsWith("HEAD /shop/h "));
}

TEST_CASE("libcurl resends nothing: a connection that dies under a request leaves it unknown") {
    // Every second answer of a connection that is used again is its silent end: libcurl would
    // repeat the request on another.
    for (const ScriptedAnswer& end : {ScriptedAnswer{"", true}, ScriptedAnswer{"", false, true}}) {
        ScriptedServer server([&](const std::string&, int number) {
            return number % 2 == 1 ? end : ScriptedAnswer{kGranted};
        });
        CurlStorm storm(server.url(), 60, 1);
        const HistoryContents contents = storm.fire();
        REQUIRE(contents.history.attempts.size() == 60);
        int unknown = 0;
        for (const Attempt& attempt : contents.history.attempts) {
            if (attempt.outcome == Outcome::granted) continue;
            CHECK(attempt.outcome == Outcome::unknown);
            ++unknown;
        }
        CHECK(unknown == 30);
        CHECK(server.requests() == 60);
    }
}

TEST_CASE("HTTP/2 through libcurl: every answer is read, no stream that was refused is resent") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    const TlsServerContext context(certificates, "server", "h2");
    H2Server server(
        [](const H2Request&, int) {
            return H2Answer{200, "{}", {}};
        },
        {context.get(), "", ""});
    CurlStorm storm(server.url(), 50, 5);
    storm.transport().version = HttpVersion::http2;
    storm.transport().tls.ca = certificates.ca();
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 50}});
    CHECK(server.connections() <= 6);

    H2Server refusing(
        [](const H2Request&, int number) {
            H2Answer answer{200, "{}", {}};
            if (number % 2 == 1) answer.reset = NGHTTP2_REFUSED_STREAM;
            return answer;
        },
        {context.get(), "", ""});
    storm.order.endpoint.base_url = refusing.url();
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 25}, {Outcome::unknown, 25}});
    CHECK(refusing.requests() == 50);
}

TEST_CASE("HTTP/2 without TLS is libcurl's only where it can use a connection twice") {
    H2Server server([](const H2Request&, int) { return H2Answer{200, "{}", {}}; });
    CurlStorm storm(server.url(), 50, 5);
    storm.transport().version = HttpVersion::http2;
    if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080000) {
        CHECK_THAT(storm.refusal(), Catch::Contains("leave \"transport\" out"));
    } else {
        CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 50}});
    }
}

TEST_CASE("a target that libcurl cannot reach is told before the release") {
    CurlStorm storm("http://127.0.0.1:1", 10, 5);
    CHECK_THAT(storm.refusal(), Catch::Contains("target http://127.0.0.1:1: ") &&
                                    Catch::Contains("connect_refused") &&
                                    Catch::Contains("nothing was sent"));
    storm.order.endpoint.base_url = "http://nowhere.invalid";
    CHECK_THAT(storm.refusal(), Catch::Contains("the host 'nowhere.invalid' cannot be resolved"));
    storm.transport().proxy = "http://nowhere.invalid:3128";
    CHECK_THAT(storm.refusal(),
               Catch::Contains("connect_failed (Could not resolve proxy: nowhere.invalid)"));
    storm.transport().proxy = "http://127.0.0.1:1";
    CHECK_THAT(storm.refusal(), Catch::Contains("connect_refused"));
}

TEST_CASE("libcurl trusts whom the target file names, and shows the client's certificate") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    certificates.issue("other", "DNS:other.test");
    certificates.issue("client", "");
    const TlsServerContext context(certificates, "server", "http/1.1", true);
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    CurlStorm storm(server.url(), 10, 3);
    TlsSpec& tls = storm.transport().tls;
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed") && Catch::Contains("certificate"));
    tls.ca = certificates.ca();
    tls.certificate = certificates.path("client.pem");
    tls.key = certificates.path("client.key");
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 10}});

    const TlsServerContext wrong(certificates, "other");
    ScriptedServer elsewhere(always({kGranted}), {wrong.get(), "", ""});
    storm.order.endpoint.base_url = elsewhere.url();
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed"));
    CHECK(elsewhere.requests() == 0);
    tls.verify = false;
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 10}});
    ScriptedServer plain(always({kGranted}), {nullptr, "", "HTTP/1.1 400 Bad\r\n\r\n"});
    storm.order.endpoint.base_url = "https://127.0.0.1:" + std::to_string(plain.port());
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed"));
}

TEST_CASE("a proxy is told the whole URL, or makes a tunnel for TLS") {
    std::mutex mutex;
    std::string seen;
    ScriptedServer proxy([&](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        seen = request;
        return ScriptedAnswer{kGranted};
    });
    CurlStorm storm("http://shop.test:8080/x", 10, 2);
    storm.transport().kind = TransportKind::chosen;
    storm.transport().proxy = proxy.url();
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 10}});
    CHECK_THAT(seen, Catch::StartsWith("POST http://shop.test:8080/x/ HTTP/1.1\r\n"
                                       "Host: shop.test:8080\r\n"));

    Certificates certificates;
    certificates.issue("server", "DNS:shop.test");
    const TlsServerContext context(certificates, "server");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    TunnelProxy tunnel(server.port());
    storm.order.endpoint.base_url = "https://shop.test";
    storm.transport().proxy = tunnel.url();
    storm.transport().tls.ca = certificates.ca();
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 10}});
    CHECK_THAT(tunnel.last_request(), Catch::StartsWith("CONNECT shop.test:443 HTTP/1.1\r\n"));

    TunnelProxy closed(server.port(), 403);
    storm.transport().proxy = closed.url();
    CHECK_THAT(storm.refusal(), Catch::Contains("connect_failed") && Catch::Contains("403"));
}

TEST_CASE("the environment's proxies are no business of a storm's") {
    ScriptedServer server(always({kGranted}));
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    CurlStorm storm(server.url(), 5, 1);
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 5}});
    ::unsetenv("http_proxy");
    ::unsetenv("ALL_PROXY");
}

TEST_CASE("libcurl reaches Unix sockets, and sends from the source addresses in turn") {
    const TemporaryFolder folder;
    const std::string path = (folder.path / "socket").string();
    ScriptedServer local(always({kGranted}), {nullptr, path, ""});
    CurlStorm storm("http://shop.test", 20, 4);
    storm.transport().unix_socket = path;
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 20}});

    ScriptedServer server(always({kGranted}));
    CurlStorm from(server.url(), 4, 4);
    from.order.spec.source_addresses = {"127.0.0.2", "127.0.0.3"};
    CHECK(from.fire_and_count() == Counts{{Outcome::granted, 4}});
    const std::map<std::string, int> peers = server.peers();
    CHECK(peers.size() == 2);
    CHECK(peers.at("127.0.0.2") == 3);  // one looked ahead
    CHECK(peers.at("127.0.0.3") == 2);
}

TEST_CASE("through libcurl answers that break off, or are none, are unknown") {
    CHECK(
        answered_with({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true}).transport_error ==
        TransportError::closed_early);
    CHECK(answered_with({"", true}).transport_error == TransportError::closed_early);
    const Attempt reset = answered_with({"", false, true});
    CHECK(reset.transport_error == TransportError::reset);
    CHECK(reset.outcome == Outcome::unknown);
    CHECK(answered_with({"hello there, this is not HTTP\r\n\r\n"}).transport_error ==
          TransportError::bad_response);
    CHECK(answered_with({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}).outcome ==
          Outcome::unknown);
    const Attempt silent = answered_with({"", false, false, true});
    CHECK(silent.transport_error == TransportError::timeout);
    CHECK(silent.outcome == Outcome::unknown);
}

TEST_CASE("through libcurl endless headers and huge bodies end the attempt, not the program") {
    std::string lines = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 10'000; ++i) lines += "X-" + std::to_string(i) + ": abcdefghij\r\n";
    CHECK(answered_with({lines}).transport_error == TransportError::header_too_large);
    CHECK(answered_with({"HTTP/1.1 200 OK\r\nX: " + std::string(500'000, 'a')}).transport_error ==
          TransportError::header_too_large);
    CHECK(
        answered_with({"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"}).transport_error ==
        TransportError::body_too_large);
    CHECK(
        answered_with({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(400'000, 'a')})
            .transport_error == TransportError::body_too_large);
}

TEST_CASE("through libcurl redirects, interim answers and headers are read as they are") {
    std::atomic<int> followed{0};
    ScriptedServer elsewhere([&](const std::string&, int) {
        ++followed;
        return ScriptedAnswer{kGranted};
    });
    ScriptedServer server(always({http_answer(302, "", "Location: " + elsewhere.url() + "\r\n")}));
    CHECK(CurlStorm(server.url()).fire_one().outcome == Outcome::rejected);
    CHECK(followed == 0);

    ScriptedServer early(
        always({"HTTP/1.1 103 Early Hints\r\nX-Id: no\r\n\r\nHTTP/1.1 200 OK\r\n"
                "X-Id:  c7 \r\nContent-Length: 2\r\n\r\n{}"}));
    CurlStorm storm(early.url());
    storm.order.endpoint.fields.claim_id = FieldSource::of_header("X-Id");
    Names users;
    TextPool texts;
    const fs::path path = storm.folder.path / "h";
    run_storm(storm.order, Plan(storm.order.spec, 42), path, storm.stop, {});
    const HistoryContents contents = read_history(path, users, texts);
    REQUIRE(contents.history.attempts.size() == 1);
    CHECK(contents.history.attempts[0].outcome == Outcome::granted);
    CHECK(texts.view(contents.history.attempts[0].claim_id) == "c7");
}

TEST_CASE("through libcurl connections are warmed, and a refused warm-up ends the run") {
    std::atomic<int> warm{0};
    std::atomic<int> status{204};
    ScriptedServer server([&](const std::string& request, int) {
        if (request.starts_with("GET /warm ")) {
            ++warm;
            return ScriptedAnswer{http_answer(status, "")};
        }
        return ScriptedAnswer{kGranted};
    });
    CurlStorm storm(server.url(), 10, 5);
    storm.order.endpoint.warm_up = RequestSpec{"GET", "/warm", {}, "", {}};
    CHECK(storm.fire_and_count() == Counts{{Outcome::granted, 10}});
    CHECK(warm == 5);
    CHECK(server.connections() == 6);
    status = 500;
    CHECK_THAT(storm.refusal(), Catch::Contains("warm-up request was answered with 500"));
}

TEST_CASE("a service that dies, and one that is stopped, leave every attempt of libcurl's") {
    ScriptedServer server([&](const std::string&, int number) {
        return number < 20 ? ScriptedAnswer{kGranted} : ScriptedAnswer{"", false, false, true};
    });
    CurlStorm storm(server.url(), 200, 4);
    std::thread killer([&] {
        while (server.requests() < 22) std::this_thread::yield();
        server.stop();
    });
    const Counts counts = storm.fire_and_count();
    killer.join();
    CHECK(counts.at(Outcome::granted) >= 19);
    CHECK(counts.at(Outcome::unknown) >= 1);
    CHECK(counts.at(Outcome::not_sent) >= 100);
    int all = 0;
    for (const auto& [outcome, count] : counts) all += count;
    CHECK(all == 200);

    ScriptedServer silent(always({"", false, false, true}));
    CurlStorm stopped(silent.url(), 20, 2);
    stopped.order.spec.timeout = 30s;
    std::thread stopper([&] {
        while (silent.requests() < 2) std::this_thread::yield();
        stopped.stop = true;
    });
    CHECK(stopped.fire_and_count() == Counts{{Outcome::unknown, 2}, {Outcome::not_sent, 18}});
    stopper.join();
}

TEST_CASE("people who hang up close libcurl's connections") {
    ScriptedServer server(always({"", false, false, true}));
    CurlStorm storm(server.url(), 6, 3);
    storm.order.spec.hang_up = HangUp{1.0, 20ms};
    for (const Attempt& attempt : storm.fire().history.attempts) {
        CHECK(attempt.transport_error == TransportError::hung_up);
    }
    CHECK(server.connections() == 7);
}

TEST_CASE("libcurl carries no gate but the full one, and HTTP/3 only if it was built with it") {
    ScriptedServer server(always({kGranted}));
    CurlStorm storm(server.url());
    storm.order.spec.arrival = Burst{BurstGate::single_packet};
    CHECK_THAT(storm.refusal(), Catch::Contains("needs the native transport"));
    storm.order.spec.arrival = Burst{};
    storm.transport().version = HttpVersion::http3;
    CHECK_THAT(storm.refusal(), Catch::Contains("HTTP/3 needs an https:// base_url"));
    storm.order.endpoint.base_url = "https://127.0.0.1:" + std::to_string(server.port());
    const auto* about = curl_version_info(CURLVERSION_NOW);
    if ((about->features & CURL_VERSION_HTTP3) == 0) {
        CHECK_THAT(storm.refusal(), Catch::Contains("this one (" + std::string(about->version) +
                                                    ") was built without it"));
    }
    CHECK(server.connections() == 0);
}
