#include <mutex>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "tests/support/certificates.h"
#include "tests/support/scripted_server.h"
#include "tests/support/storm_at.h"

using namespace claimstorm;
using namespace claimstorm::test;
namespace fs = std::filesystem;

namespace {

// NOLINTNEXTLINE(readability-identifier-naming): a constant all the same
const std::string kGranted = http_answer(200, R"({"id":"c1"})");

ScriptedServer::Answer always(const ScriptedAnswer& answer) {
    return [answer](const std::string&, int) { return answer; };
}

/// An authority, and a service of this machine that has its certificate from it.
struct Tls {
    Certificates certificates;

    Tls() { certificates.issue("server", "IP:127.0.0.1,DNS:shop.test"); }

    void trust(StormAt& storm) const { storm.order.endpoint.transport.tls.ca = certificates.ca(); }
};

}  // namespace

TEST_CASE("a storm through TLS reads every answer, over as many connections as were opened") {
    const Tls tls;
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        const TlsServerContext context(tls.certificates, "server", "http/1.1", false, version);
        ScriptedServer server(always({kGranted}), {context.get(), "", ""});
        StormAt storm(server.url(), 200, 7);
        tls.trust(storm);
        CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 200}});
        CHECK(server.connections() == 7);
    }
}

TEST_CASE("large requests and answers of many TLS records pass whole") {
    const Tls tls;
    const TlsServerContext context(tls.certificates, "server");
    std::mutex mutex;
    std::set<std::size_t> sizes;
    ScriptedServer server(
        [&](const std::string& request, int) {
            const std::lock_guard lock(mutex);
            sizes.insert(request.size() - request.find("\r\n\r\n") - 4);
            return ScriptedAnswer{http_answer(200, std::string(200'000, 'a'))};
        },
        {context.get(), "", ""});
    StormAt storm(server.url(), 20, 4);
    tls.trust(storm);
    storm.order.spec.timeout = std::chrono::seconds(5);
    storm.order.endpoint.claim.body = std::string(300'000, 'b');
    CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 20}});
    CHECK(sizes == std::set<std::size_t>{300'000});
}

TEST_CASE("a gate that holds the last byte back does so through TLS, too") {
    const Tls tls;
    const TlsServerContext context(tls.certificates, "server");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url(), 30, 30);
    tls.trust(storm);
    storm.order.spec.arrival = Burst{BurstGate::last_byte};
    CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 30}});
    CHECK(server.connections() == 30);
}

TEST_CASE("a certificate that nobody vouches for ends the run before the release, and says so") {
    Tls tls;
    tls.certificates.issue_self_signed("lonely", "IP:127.0.0.1");
    const TlsServerContext context(tls.certificates, "lonely");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url(), 10, 5);
    tls.trust(storm);
    storm.order.spec.threads = 1;
    CHECK_THAT(storm.refusal(),
               Catch::Contains("target https://127.0.0.1:") &&
                   Catch::Contains("connection 1 of 5 could not be opened: tls_failed (certificate "
                                   "verify failed: self-signed certificate)") &&
                   Catch::Contains("nothing was sent"));
    CHECK(server.requests() == 0);
    storm.order.endpoint.transport.tls.verify = false;
    CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 10}});
}

TEST_CASE("a certificate for another host is refused, by name and by address") {
    Tls tls;
    tls.certificates.issue("other", "DNS:other.test,IP:127.0.0.9");
    const TlsServerContext context(tls.certificates, "other");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url());
    tls.trust(storm);
    CHECK_THAT(storm.refusal(), Catch::Contains("IP address mismatch"));
    storm.order.endpoint.base_url = "https://localhost:" + std::to_string(server.port());
    CHECK_THAT(storm.refusal(), Catch::Contains("ostname mismatch"));
}

TEST_CASE("without an authority of one's own the system's are asked") {
    const Tls tls;
    const TlsServerContext context(tls.certificates, "server");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url());
    CHECK_THAT(storm.refusal(), Catch::Contains("unable to get local issuer certificate"));
}

TEST_CASE("a service that lets in only whom it knows is shown the client's certificate") {
    Tls tls;
    tls.certificates.issue("client", "");
    const TlsServerContext context(tls.certificates, "server", "http/1.1", true, TLS1_2_VERSION);
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url(), 4, 2);
    tls.trust(storm);
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed") && Catch::Contains("alert"));
    TlsSpec& spec = storm.order.endpoint.transport.tls;
    spec.certificate = tls.certificates.path("client.pem");
    spec.key = tls.certificates.path("client.key");
    CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 4}});
}

TEST_CASE("TLS 1.3 refuses a client after the handshake: that, too, is told before the release") {
    const Tls tls;
    const TlsServerContext context(tls.certificates, "server", "http/1.1", true, TLS1_3_VERSION);
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url(), 4, 2);
    tls.trust(storm);
    CHECK_THAT(storm.refusal(), Catch::Contains("was closed again once it was open") &&
                                    Catch::Contains("certificate required"));
    CHECK(server.requests() == 0);
}

TEST_CASE("files of certificates and keys that cannot be used are named with their key") {
    Tls tls;
    tls.certificates.issue("client", "");
    tls.certificates.issue("another", "");
    const TlsServerContext context(tls.certificates, "server");
    ScriptedServer server(always({kGranted}), {context.get(), "", ""});
    StormAt storm(server.url());
    TlsSpec& spec = storm.order.endpoint.transport.tls;
    spec.ca = tls.certificates.path("none.pem");
    CHECK_THAT(storm.refusal(), Catch::Contains("tls.ca: '") && Catch::Contains("No such file"));
    spec.ca = tls.certificates.path("server.key");
    CHECK_THAT(storm.refusal(), Catch::Contains("tls.ca: '"));
    spec.ca = tls.certificates.ca();
    spec.certificate = tls.certificates.path("client.key");
    CHECK_THAT(storm.refusal(), Catch::Contains("tls.certificate: '"));
    spec.certificate = tls.certificates.path("client.pem");
    spec.key = tls.certificates.path("another.key");
    CHECK_THAT(storm.refusal(), Catch::Contains("tls.key: '") && Catch::Contains("mismatch"));
}

TEST_CASE("plain HTTP where TLS is expected is told before anything is sent") {
    ScriptedServer server(always({kGranted}),
                          {nullptr, "", "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"});
    StormAt storm("https://127.0.0.1:" + std::to_string(server.port()));
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed (wrong version number: is it plain "
                                                "HTTP there?)"));
    CHECK(server.requests() == 0);
}

TEST_CASE("a service that hangs up during the handshake is told so") {
    const Tls tls;
    ScriptedServer server(always({kGranted}), {nullptr, "", "x"});
    StormAt storm("https://127.0.0.1:" + std::to_string(server.port()));
    std::thread killer([&] {
        while (server.connections() == 0) std::this_thread::yield();
        server.stop();
    });
    CHECK_THAT(storm.refusal(), Catch::Contains("tls_failed"));
    killer.join();
}

TEST_CASE("an answer that TLS cuts off is unknown, even one that ends with its stream") {
    const Tls tls;
    const TlsServerContext context(tls.certificates, "server");
    const auto answered_with = [&](const ScriptedAnswer& answer) {
        ScriptedServer server(always(answer), {context.get(), "", ""});
        StormAt storm(server.url());
        tls.trust(storm);
        return storm.fire_one();
    };
    const std::string until_end = "HTTP/1.1 200 OK\r\n\r\n{\"id\":\"c1\"}";
    CHECK(answered_with({until_end, true}).outcome == Outcome::granted);
    const Attempt cut = answered_with({until_end, false, false, false, true});
    CHECK(cut.outcome == Outcome::unknown);
    CHECK(cut.transport_error == TransportError::reset);
    const Attempt half = answered_with({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true});
    CHECK(half.transport_error == TransportError::closed_early);
    const Attempt reset = answered_with({"", false, true});
    CHECK(reset.outcome == Outcome::unknown);
    CHECK(reset.transport_error == TransportError::reset);
    const Attempt silent = answered_with({"", false, false, true});
    CHECK(silent.transport_error == TransportError::timeout);
}

TEST_CASE("TLS that fails while the storm is under way leaves the attempt not sent") {
    const Tls tls;
    const TlsServerContext good(tls.certificates, "server");
    Certificates strangers;
    strangers.issue("server", "IP:127.0.0.1");
    const TlsServerContext bad(strangers, "server");
    // Each answer closes its connection; from the second connection on nobody vouches for it.
    std::atomic<int> accepted{0};
    std::pair<std::atomic<int>*, SSL_CTX*> state{&accepted, bad.get()};
    SSL_CTX_set_cert_cb(
        good.get(),
        [](SSL* ssl, void* given) {
            auto& [count, other] = *static_cast<std::pair<std::atomic<int>*, SSL_CTX*>*>(given);
            if ((*count)++ > 0) SSL_set_SSL_CTX(ssl, other);
            return 1;
        },
        &state);
    ScriptedServer server(always({http_answer(200, "{}", "Connection: close\r\n"), true}),
                          {good.get(), "", ""});
    StormAt storm(server.url(), 3, 1);
    tls.trust(storm);
    const HistoryContents contents = storm.fire();
    REQUIRE(contents.history.attempts.size() == 3);
    CHECK(server.requests() == 1);
    int not_sent = 0;
    for (const Attempt& attempt : contents.history.attempts) {
        if (attempt.outcome != Outcome::not_sent) continue;
        ++not_sent;
        CHECK(attempt.transport_error == TransportError::tls_failed);
    }
    CHECK(not_sent == 2);
}

TEST_CASE("a Unix socket is reached whatever the host is called, plain and through TLS") {
    const Tls tls;
    const TemporaryFolder folder;
    std::mutex mutex;
    std::string seen;
    const auto answer = [&](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        seen = request;
        return ScriptedAnswer{kGranted};
    };
    const TlsServerContext context(tls.certificates, "server");
    for (SSL_CTX* const security : {static_cast<SSL_CTX*>(nullptr), context.get()}) {
        const std::string path = (folder.path / (security ? "tls" : "plain")).string();
        ScriptedServer server(answer, {security, path, ""});
        StormAt storm(security != nullptr ? "https://shop.test" : "http://shop.test", 20, 5);
        tls.trust(storm);
        storm.order.endpoint.transport.unix_socket = path;
        if (security == nullptr) storm.order.endpoint.transport.tls = {};
        CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 20}});
        CHECK_THAT(seen, Catch::Contains("Host: shop.test\r\n"));
        CHECK(server.connections() == 5);
    }
    StormAt storm("http://shop.test");
    storm.order.endpoint.transport.unix_socket = (folder.path / "none").string();
    CHECK_THAT(storm.refusal(), Catch::Contains("connect_failed (No such file or directory)"));
}

TEST_CASE("connections come from the source addresses in turn") {
    ScriptedServer server(always({kGranted}));
    StormAt storm(server.url(), 30, 7);
    storm.order.spec.source_addresses = {"127.0.0.2", "127.0.0.3", "127.0.0.4"};
    CHECK(storm.fire_and_count() == std::map<Outcome, int>{{Outcome::granted, 30}});
    CHECK(server.peers() ==
          std::map<std::string, int>{{"127.0.0.2", 3}, {"127.0.0.3", 2}, {"127.0.0.4", 2}});
}

TEST_CASE("a source address that this machine does not have is told before the release") {
    ScriptedServer server(always({kGranted}));
    StormAt storm(server.url());
    storm.order.spec.source_addresses = {"127.0.0.2", "192.0.2.1"};
    CHECK_THAT(storm.refusal(), Catch::Contains("source_addresses: nothing can be sent from "
                                                "'192.0.2.1'"));
    storm.order.spec.source_addresses = {"::1"};
    CHECK_THAT(storm.refusal(), Catch::Contains("IPv4 and IPv6 do not mix"));
    storm.order.endpoint.transport.unix_socket = "/run/app.sock";
    CHECK_THAT(storm.refusal(), Catch::Contains("a Unix socket is reached from no address"));
    CHECK(server.connections() == 0);
}
