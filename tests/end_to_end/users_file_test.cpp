#include <map>
#include <mutex>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"
#include "tests/support/scripted_server.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int kUsers = 300;

json scenario_for(const std::string& base_url) {
    return {{"name", "accounts"},
            {"target",
             {{"base_url", base_url},
              {"users", {{"csv", "accounts.csv"}, {"name", "uid"}}},
              {"claim",
               {{"path", "/sk/{campaign}"},
                {"headers", {{"X-Auth", "Bearer {secret_word}"}}},
                {"body", "uid={user}&city={city}"}}},
              {"outcomes",
               {{{"status", 200}, {"is", "granted"}}, {{"status", "4xx"}, {"is", "sold_out"}}}}}},
            {"campaign", {{"stock", 5}}},
            {"storm", {{"users", kUsers}, {"connections", 10}}}};
}

void write_accounts(const fs::path& folder, int users) {
    std::string text = "secret_word,uid,city\r\n";
    for (int i = 1; i <= users; ++i) {
        text += "sesame" + std::to_string(i) + ",id-" + std::to_string(i) + ",\"Bad Aibling & \n" +
                std::to_string(i) + "\"\r\n";
    }
    spill(folder / "accounts.csv", text);
}

/// What was sent with a user's token.
std::string token_in(const std::string& request) {
    const std::size_t at = request.find("X-Auth: Bearer sesame") + 21;
    return request.substr(at, request.find("\r\n", at) - at);
}

}  // namespace

TEST_CASE("every user of a file claims with a token of its own, which the run folder never sees") {
    const TemporaryFolder folder;
    std::mutex mutex;
    std::map<std::string, std::string> bodies;  // by token
    ScriptedServer server([&](const std::string& request, int) {
        const std::lock_guard lock(mutex);
        bodies[token_in(request)] = request.substr(request.find("\r\n\r\n") + 4);
        return ScriptedAnswer{http_answer(bodies.size() <= 5 ? 200 : 410, "")};
    });
    spill(folder.path / "s.json", scenario_for(server.url()).dump());
    write_accounts(folder.path, kUsers);
    Program program(folder.path);
    const Ended ended = program.claimstorm({"run", "s.json", "-o", "run", "--json"});
    INFO(ended.out << ended.err);
    CHECK(json::parse(ended.out).at("storm").at("outcomes").at("granted") == 5);
    server.stop();  // its threads have written what is read now
    REQUIRE(bodies.size() == kUsers);
    for (const auto& [token, body] : bodies) {
        REQUIRE(body == fmt::format("uid=id-{0}&city=Bad+Aibling+%26+%0A{0}", token));
    }
    for (const auto& file : fs::directory_iterator(folder.path / "run")) {
        INFO(file.path());
        CHECK(slurp(file.path()).find("sesame") == std::string::npos);
    }

    SECTION("the run is judged, and its users named, when the file is gone") {
        fs::remove(folder.path / "accounts.csv");
        const Ended judged = program.claimstorm({"check", "run", "--json"});
        INFO(judged.err);
        CHECK(judged.status == ended.status);
        CHECK(judged.out == ended.out);
        const Ended shown = program.claimstorm({"history", "run"});
        CHECK(shown.status == 0);
        CHECK(shown.out.find(R"("user":"id-300")") != std::string::npos);
    }
    SECTION("the saved scenario fires again from another folder") {
        fs::create_directory(folder.path / "elsewhere");
        const Ended again =
            Program(folder.path / "elsewhere")
                .claimstorm({"run", (folder.path / "run/scenario.json").string(), "--dry-run"});
        INFO(again.err);
        CHECK(again.status == 0);
        CHECK(again.out.find("X-Auth: Bearer sesame") != std::string::npos);
    }
}

TEST_CASE("a dry run shows the first requests with their users' columns") {
    const TemporaryFolder folder;
    spill(folder.path / "s.json", scenario_for("http://127.0.0.1:1").dump());
    write_accounts(folder.path, kUsers);
    const Ended ended = Program(folder.path).claimstorm({"run", "s.json", "--dry-run"});
    INFO(ended.out << ended.err);
    REQUIRE(ended.status == 0);
    CHECK(ended.out.find("the first 3 requests") != std::string::npos);
    std::size_t requests = 0;
    for (std::size_t at = ended.out.find("X-Auth: Bearer sesame"); at != std::string::npos;
         at = ended.out.find("X-Auth: Bearer sesame", at + 1)) {
        ++requests;
    }
    CHECK(requests == 3);
}

TEST_CASE("a users' file that will not do is told in one line, and nothing is left behind") {
    const TemporaryFolder folder;
    spill(folder.path / "s.json", scenario_for("http://127.0.0.1:1").dump());
    Program program(folder.path);
    const auto refused = [&](const std::string& part) {
        const Ended ended = program.claimstorm({"run", "s.json"});
        INFO(ended.err);
        CHECK(ended.status == 2);
        CHECK(ended.complained_in_one_line());
        CHECK(ended.err.find(part) != std::string::npos);
        CHECK((!fs::exists(folder.path / "runs") || fs::is_empty(folder.path / "runs")));
    };
    refused("s.json: /target/users/csv: the users' file '");
    write_accounts(folder.path, kUsers - 1);
    refused("accounts.csv has 299 users, and 300 are wanted");
    spill(folder.path / "accounts.csv", "secret_word,uid,city\na,b\n");
    refused("accounts.csv:2: a row of 2, where the first one names 3 columns");
}
