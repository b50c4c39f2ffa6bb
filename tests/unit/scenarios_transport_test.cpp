#include <mutex>
#include <set>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "scenarios/http_call.h"
#include "scenarios/prepare_target.h"
#include "scenarios/target_file.h"
#include "scenarios/transport_file.h"
#include "tests/support/certificates.h"
#include "tests/support/h2_server.h"
#include "tests/support/scripted_server.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;

namespace {

json document_for(const std::string& base_url) {
    return {{"base_url", base_url},
            {"claim", {{"path", "/"}}},
            {"outcomes", json::array({{{"status", 200}, {"is", "granted"}}})}};
}

Target read(const json& document, const std::string& folder = "/shop") {
    return read_target(JsonPlace(document, "t.json"), folder);
}

std::string refusal(const json& document) {
    try {
        read(document);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "no refusal";
}

std::string refusal_with(const char* key, const json& value,
                         const char* base_url = "https://127.0.0.1") {
    json document = document_for(base_url);
    document[key] = value;
    return refusal(document);
}

}  // namespace

TEST_CASE("how a target is talked to is read, saved, and read back as the same") {
    json document = document_for("https://127.0.0.1");
    document["transport"] = "curl";
    document["http"] = "2";
    document["proxy"] = "http://me:se:cr@et@127.0.0.1:3128";
    document["tls"] = {
        {"verify", false}, {"ca", "ca.pem"}, {"certificate", "/c.pem"}, {"key", "../k.pem"}};
    const Target target = read(document);
    const TransportSpec& transport = target.endpoint.transport;
    CHECK(transport.kind == TransportKind::curl);
    CHECK(transport.version == HttpVersion::http2);
    CHECK(transport.proxy == "http://me:se:cr@et@127.0.0.1:3128");
    CHECK_FALSE(transport.tls.verify);
    CHECK(transport.tls.ca == "/shop/ca.pem");
    CHECK(transport.tls.certificate == "/c.pem");
    CHECK(transport.tls.key == "/k.pem");
    const json saved = json::parse(target_to_json(target).dump());
    CHECK(saved["proxy"] == "http://me:***@127.0.0.1:3128");
    CHECK(json::parse(target_to_json(read(saved, "/elsewhere")).dump()) == saved);

    const json plain = json::parse(target_to_json(read(document_for("http://127.0.0.1"))).dump());
    for (const std::string_view key : transport_keys()) CHECK(plain.count(key) == 0);
}

TEST_CASE("a Unix socket is this machine, whatever the host is called") {
    json document = document_for("http://shop.example");
    CHECK_THAT(refusal(document), Catch::Contains("is not this machine"));
    document["unix_socket"] = "run/app.sock";
    CHECK(read(document).endpoint.transport.unix_socket == "/shop/run/app.sock");
    document["hosts_allowed"] = {"other.example"};
    CHECK_THAT(refusal(document), Catch::Contains("is not in hosts_allowed"));
    CHECK_THAT(refusal_with("unix_socket", std::string(200, 'x')),
               Catch::Contains("t.json: /unix_socket") && Catch::Contains("1 to 107 bytes"));
}

TEST_CASE("what no transport speaks is refused where it stands") {
    CHECK_THAT(refusal_with("transport", "native2"),
               Catch::Contains("/transport: 'native2' is not a transport; native or curl"));
    CHECK_THAT(refusal_with("http", "1.0"), Catch::Contains("/http: '1.0' is not a version"));
    CHECK_THAT(refusal_with("proxy", "127.0.0.1:3128"),
               Catch::Contains("/proxy: '127.0.0.1:3128'"));
    CHECK_THAT(refusal_with("tls", {{"verfy", true}}), Catch::Contains("did you mean 'verify'"));
    CHECK_THAT(refusal_with("tls", {{"ca", "ca.pem"}}, "http://127.0.0.1"),
               Catch::Contains("t.json") && Catch::Contains("write https://"));
    CHECK_THAT(refusal_with("tls", {{"key", "k.pem"}}),
               Catch::Contains("tls.key is of no use without tls.certificate"));
    CHECK_THAT(refusal_with("base_url", "ftp://x"), Catch::Contains("/base_url"));
}

TEST_CASE("prepare steps reach the service as its storm does: through TLS, at its Unix socket") {
    Certificates certificates;
    certificates.issue("server", "DNS:shop.test");
    certificates.issue("client", "");
    const TlsServerContext context(certificates, "server", "http/1.1", true);
    const TemporaryFolder folder;
    const std::string path = (folder.path / "socket").string();
    std::mutex mutex;
    std::string seen;
    ScriptedServer server(
        [&](const std::string& request, int) {
            const std::lock_guard lock(mutex);
            seen = request;
            return ScriptedAnswer{http_answer(200, "{}")};
        },
        {context.get(), path, ""});
    json document = document_for("https://shop.test/api");
    document["unix_socket"] = path;
    document["prepare"] = json::array({{{"http", {{"path", "/reset"}, {"body", {{"s", 1}}}}}}});
    document["tls"] = {{"ca", certificates.ca()},
                       {"certificate", certificates.path("client.pem")},
                       {"key", certificates.path("client.key")}};
    prepare_target(read(document), Campaign{});
    CHECK_THAT(seen, Catch::StartsWith("POST /api/reset HTTP/1.1\r\nHost: shop.test\r\n") &&
                         Catch::EndsWith("{\"s\":1}"));

    document["tls"].erase("ca");
    CHECK_THROWS_WITH(prepare_target(read(document), Campaign{}),
                      Catch::Contains("prepare/0: POST https://shop.test/api/reset: ") &&
                          Catch::Contains("certificate"));
    document["tls"]["verify"] = false;
    CHECK_NOTHROW(prepare_target(read(document), Campaign{}));
}

TEST_CASE("prepare steps speak HTTP/2 to a service that knows nothing else") {
    H2Server server([](const H2Request&, int) { return H2Answer{200, "{}", {}}; });
    json document = document_for(server.url());
    document["http"] = "2";
    document["prepare"] = json::array({{{"http", {{"path", "/reset"}}}}});
    CHECK_NOTHROW(prepare_target(read(document), Campaign{}));
    CHECK(server.requests() == 1);
    document.erase("http");
    CHECK_THROWS_AS(prepare_target(read(document), Campaign{}), EnvironmentError);
}
