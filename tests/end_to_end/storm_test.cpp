#include <algorithm>
#include <mutex>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

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

}  // namespace

TEST_CASE("storm needs no file: it fires at a URL and reports, and keeps nothing") {
    ScriptedServer server(ok);
    const TemporaryFolder folder;
    const Ended ended =
        Program(folder.path)
            .claimstorm({"storm", "--url", server.url() + "/sale?x=1", "-n", "300", "-c", "10"});
    INFO(ended.err);
    CHECK(ended.status == 0);
    CHECK(ended.out.find("HOLDS  storm") != std::string::npos);
    CHECK(ended.out.find("fired     300 attempts for 300 users") != std::string::npos);
    CHECK(server.requests() == 300);
    CHECK(server.connections() == 10);
    CHECK_FALSE(fs::exists(folder.path / "runs"));
}

TEST_CASE("storm posts each user once to the path that was asked for") {
    std::mutex mutex;
    std::vector<std::string> requests;
    ScriptedServer server([&](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        requests.push_back(request);
        return ScriptedAnswer{
            http_answer(request.find("u2\"") != std::string::npos ? 409 : 200, R"({"code":1001})")};
    });
    const TemporaryFolder folder;
    const Ended ended = Program(folder.path)
                            .claimstorm({"storm", "--url", server.url() + "/sale?x=1", "-n", "3",
                                         "-c", "1", "-H", "X-A: b c", "--outcome", "409=sold_out",
                                         "--outcome", "/code:1001=granted", "--json"});
    CHECK(ended.status == 0);
    const json result = json::parse(ended.out);
    CHECK(result["storm"]["outcomes"]["granted"] == 2);
    CHECK(result["storm"]["outcomes"]["sold_out"] == 1);
    server.stop();  // its threads have written what is read now
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].starts_with("POST /sale?x=1 HTTP/1.1\r\n"));
    CHECK(requests[0].find("X-A: b c\r\n") != std::string::npos);
    CHECK(requests[0].ends_with(R"({"user":"u1"})"));
    CHECK(requests[2].ends_with(R"({"user":"u3"})"));
}

TEST_CASE("with -o storm leaves a run folder that check and history read") {
    ScriptedServer server(ok);
    const TemporaryFolder folder;
    Program program(folder.path);
    CHECK(program
              .claimstorm({"storm", "--url", server.url(), "-d", "300ms", "-c", "4", "-o", "run",
                           "--hgrm", "l.hgrm"})
              .status == 0);
    const Ended checked = program.claimstorm({"check", "run", "--json"});
    INFO(checked.err);
    CHECK(checked.status == 0);
    const json result = json::parse(checked.out);
    CHECK(result["verdict"] == "holds");
    CHECK(result["storm"]["attempts"] == server.requests());
    CHECK(json::parse(slurp(folder.path / "run" / "result.json")) == result);
    const Ended history = program.claimstorm({"history", "run"});
    CHECK(std::count(history.out.begin(), history.out.end(), '\n') == server.requests());
    CHECK(slurp(folder.path / "l.hgrm") ==
          program.claimstorm({"history", "run", "--format", "hgrm"}).out);
}

TEST_CASE("storm's arrivals: a rate for a while, stages, a burst") {
    ScriptedServer server(ok);
    const TemporaryFolder folder;
    Program program(folder.path);
    const auto attempts = [&](const std::vector<std::string>& more) {
        std::vector<std::string> words = {"storm", "--url", server.url(), "--json"};
        words.insert(words.end(), more.begin(), more.end());
        const Ended ended = program.claimstorm(words);
        INFO(ended.err);
        return json::parse(ended.out)["storm"]["attempts"].get<int>();
    };
    CHECK(attempts({"-R", "200", "-d", "500ms"}) == 100);
    CHECK(attempts({"-R", "200", "-n", "20", "--poisson"}) == 20);
    CHECK(attempts({"--stages", "200ms@200,200ms@200"}) == 60);
    CHECK(attempts({"--burst", "-n", "50", "--gate", "last-byte"}) == 50);
}

TEST_CASE("a storm whose gate is missed exits 1, and one that was granted nothing 4") {
    ScriptedServer server(ok);
    const TemporaryFolder folder;
    Program program(folder.path);
    CHECK(program
              .claimstorm({"storm", "--url", server.url(), "-n", "10", "--gates",
                           "latency_ms_p99 < 0.000001"})
              .status == 1);
    CHECK(
        program.claimstorm({"storm", "--url", server.url(), "-n", "10", "--outcome", "201=granted"})
            .status == 4);
}

TEST_CASE("what storm cannot fire is refused in one line, before anything is sent") {
    ScriptedServer server(ok);
    const TemporaryFolder folder;
    Program program(folder.path);
    const std::vector<std::vector<std::string>> wrong = {
        {"--url", "ftp://127.0.0.1/"},
        {"--url", "http://example.test/"},
        {"--url", server.url(), "-n", "many"},
        {"--url", server.url(), "-R", "fast"},
        {"--url", server.url(), "-d", "never"},
        {"--url", server.url(), "--burst"},
        {"--url", server.url(), "--burst", "-n", "5", "-R", "5"},
        {"--url", server.url(), "--burst", "-n", "5", "--gate", "half"},
        {"--url", server.url(), "--stages", "5@5"},
        {"--url", server.url(), "-H", "no colon"},
        {"--url", server.url(), "--outcome", "granted"},
        {"--url", server.url(), "--outcome", "200=nonsense"},
        {"--url", server.url(), "--gates", "latency"},
        {"--url", server.url(), "--body", "@missing.json"},
        {"--url", server.url(), "--user", "same"},
        {"--url", server.url(), "--source", "here"},
    };
    for (const auto& options : wrong) {
        std::vector<std::string> words = {"storm"};
        words.insert(words.end(), options.begin(), options.end());
        const Ended ended = program.claimstorm(words);
        INFO(ended.err);
        CHECK(ended.status == 2);
        CHECK(ended.complained_in_one_line());
    }
    CHECK(server.requests() == 0);
    const Ended nobody =
        program.claimstorm({"storm", "--url", "http://127.0.0.1:1/", "-n", "5", "-o", "run"});
    CHECK(nobody.status == 3);
    CHECK(nobody.complained_in_one_line());
    CHECK_FALSE(fs::exists(folder.path / "run"));
    CHECK_FALSE(fs::exists(folder.path / "runs"));
}
