#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/certificates.h"
#include "tests/support/h2_server.h"
#include "tests/support/program.h"
#include "tests/support/scripted_server.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

ScriptedAnswer ok(const std::string&, int) {
    return ScriptedAnswer{http_answer(200, R"({"id":1})")};
}

/// A scenario for a service, both files of it.
void write_files(const fs::path& folder, const json& target, const json& arrival) {
    spill(folder / "target.json", target.dump());
    spill(
        folder / "scenario.json",
        json{{"name", "t"},
             {"target", "target.json"},
             {"campaign", {{"stock", 100}}},
             {"checks", "none"},
             {"storm", {{"users", 60}, {"connections", 30}, {"threads", 1}, {"arrival", arrival}}}}
            .dump());
}

}  // namespace

TEST_CASE("storm fires through TLS, through libcurl, and at HTTP/2, by its flags") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    const TlsServerContext context(certificates, "server");
    ScriptedServer server(ok, {context.get(), "", ""});
    const TemporaryFolder folder;
    Program program(folder.path);
    const std::vector<std::string> storm = {"storm", "--url", server.url(), "-n", "100", "-c", "5"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), storm.begin(), storm.end());
        return program.claimstorm(more);
    };
    CHECK(with({"--cacert", certificates.ca()}).status == 0);
    CHECK(with({"-k", "--transport", "curl"}).status == 0);
    CHECK(server.requests() == 200);
    const Ended refused = with({});
    CHECK(refused.status == 3);
    CHECK(refused.complained_in_one_line());
    CHECK(refused.err.find("certificate verify failed") != std::string::npos);
    CHECK(server.requests() == 200);

    H2Server h2([](const H2Request&, int) { return H2Answer{200, "{}", {}}; });
    CHECK(program.claimstorm({"storm", "--url", h2.url(), "-n", "100", "--http", "2"}).status == 0);
    CHECK(h2.requests() == 100);
}

TEST_CASE("run fires a single-packet burst at the target file's service, over HTTP/2") {
    Certificates certificates;
    certificates.issue("server", "IP:127.0.0.1");
    const TlsServerContext context(certificates, "server", "h2");
    H2Server server(
        [](const H2Request&, int) {
            return H2Answer{200, "{}", {}};
        },
        {context.get(), "", ""});
    const TemporaryFolder folder;
    write_files(folder.path,
                {{"base_url", server.url()},
                 {"claim", {{"path", "/"}, {"body", {{"u", "{user}"}}}}},
                 {"outcomes", json::array({{{"status", 200}, {"is", "granted"}}})},
                 {"prepare", json::array({{{"http", {{"path", "/reset"}}}}})},
                 {"http", "2"},
                 {"tls", {{"ca", certificates.ca()}}}},
                {{"burst", {{"gate", "single-packet"}}}});
    Program program(folder.path);
    const Ended ended = program.claimstorm({"run", "scenario.json", "-o", "run", "--json"});
    INFO(ended.err);
    CHECK(json::parse(ended.out)["storm"]["outcomes"]["granted"] == 60);
    const std::vector<int> ends = server.ends_by_read();
    REQUIRE(ends.size() >= 2);
    CHECK(ends[0] == 1);   // the prepare step
    CHECK(ends[1] == 30);  // everybody who has a connection, at once
    const json saved = json::parse(slurp(folder.path / "run" / "scenario.json"));
    CHECK(saved["target"]["tls"]["ca"] == certificates.ca());

    const Ended curl = program.claimstorm({"run", "scenario.json", "--transport", "curl"});
    CHECK(curl.status == 2);
    CHECK(curl.complained_in_one_line());
    CHECK(curl.err.find("needs the native transport") != std::string::npos);
    CHECK(program.claimstorm({"run", "scenario.json", "--transport", "asio"}).status == 2);
}

TEST_CASE("a bundled flow's storm goes by another transport, too, and finds the same") {
    const TemporaryFolder folder;
    const Ended ended = Program(folder.path)
                            .claimstorm({"run", "coupon-global-lock-recheck", "--expect",
                                         "--transport", "curl", "-o", "run"});
    INFO(ended.err);
    CHECK(ended.status == 0);
}
