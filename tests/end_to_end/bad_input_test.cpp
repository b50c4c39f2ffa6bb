#include <csignal>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "stores/mysql.h"
#include "storm/history_file.h"
#include "tests/support/program.h"
#include "tests/support/scripted_server.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A scenario for a service of a test's own, without any stores.
json scenario_for(const std::string& base_url) {
    return {{"name", "own"},
            {"target",
             {{"base_url", base_url},
              {"claim", {{"path", "/"}, {"body", {{"user", "{user}"}}}}},
              {"outcomes",
               {{{"status", 200}, {"is", "granted"}}, {{"status", 410}, {"is", "sold_out"}}}}}},
            {"campaign", {{"stock", 5}}},
            {"storm", {{"users", 200}, {"connections", 10}, {"timeout", "500ms"}}}};
}

Ended run_scenario_text(const TemporaryFolder& folder, const std::string& text) {
    spill(folder.path / "s.json", text);
    return Program(folder.path).claimstorm({"run", "s.json"});
}

/// One line on stderr with all of `parts` in it, the exit status, and nothing left behind.
void refused(const TemporaryFolder& folder, const Ended& ended, int status,
             const std::vector<std::string>& parts) {
    INFO(ended.err);
    CHECK(ended.status == status);
    std::string last = ended.err;
    // Phases come first where the run had begun; the complaint is the last line, and one line.
    if (!last.empty()) last.pop_back();
    last = last.substr(last.rfind('\n') == std::string::npos ? 0 : last.rfind('\n') + 1);
    CHECK(last.starts_with("claimstorm: "));
    for (const std::string& part : parts) {
        INFO(part);
        CHECK(last.find(part) != std::string::npos);
    }
    const fs::path runs = folder.path / "runs";
    CHECK((!fs::exists(runs) || fs::is_empty(runs)));
}

fs::path only_run(const TemporaryFolder& folder) {
    REQUIRE(fs::exists(folder.path / "runs"));
    return *fs::directory_iterator(folder.path / "runs");
}

HistoryContents history_of(const fs::path& run) {
    Names users;
    TextPool texts;
    return read_history(run / "history.bin", users, texts);
}

/// A reference server that a test starts by itself, and the target it announces.
struct OwnServer {
    Program program;
    ChildProcess process;
    json target;

    OwnServer(const fs::path& folder, const std::string& mysql, const std::string& redis)
        : program(folder), process(start(mysql, redis)) {
        REQUIRE(eventually([&] { return program.out_so_far().find('\n') != std::string::npos; }));
        target = json::parse(program.out_so_far());
    }
    ChildProcess start(const std::string& mysql, const std::string& redis) {
        program.with("CLAIMSTORM_MYSQL=" + mysql).with("CLAIMSTORM_REDIS=" + redis);
        return program.start({CLAIMSTORM_SERVER_PROGRAM, "--flow", "coupon/lua-gate", "--listen",
                              "127.0.0.1:0", "--announce"});
    }
    json scenario() const {
        json document = scenario_for("");
        document["target"] = target;
        return document;
    }
};

}  // namespace

TEST_CASE("a scenario file that cannot be meant is refused with its place") {
    const TemporaryFolder folder;
    json good = scenario_for("http://127.0.0.1:1");
    const auto with = [&](const char* pointer, const json& value) {
        json document = good;
        document[json::json_pointer(pointer)] = value;
        return run_scenario_text(folder, document.dump());
    };
    refused(folder, run_scenario_text(folder, "{ nope"), 2, {"s.json:1:4", "not JSON"});
    refused(folder, with("/strom", 1), 2, {"s.json: /", "did you mean 'storm'?"});
    refused(folder, with("/storm/users", "x"), 2, {"s.json: /storm/users"});
    refused(folder, with("/storm/users", 0), 2, {"s.json: /storm/users", "1 to"});
    refused(folder, with("/campaign/stock", 0), 2, {"s.json: /campaign/stock", "at least 1"});
    refused(folder, with("/target/base_url", "http://shop.example"), 2, {"hosts_allowed"});
    refused(folder, Program(folder.path).claimstorm({"run", "missing.json"}), 2, {"missing.json"});
    refused(folder, Program(folder.path).claimstorm({"run"}), 2, {"--help"});
    refused(folder, Program(folder.path).claimstorm({"run", "coupon-naive", "--sed", "1"}), 2,
            {"--sed"});
    refused(folder, Program(folder.path).claimstorm({"fly"}), 2, {"--help"});
}

TEST_CASE("a target that is down is told before anything is sent") {
    const TemporaryFolder folder;
    refused(folder, run_scenario_text(folder, scenario_for("http://127.0.0.1:1").dump()), 3,
            {"http://127.0.0.1:1", "connect_refused", "is the service running there?"});
}

TEST_CASE("an unknown flow is refused with a guess, and its lab goes away") {
    const TemporaryFolder folder;
    json scenario = scenario_for("");
    scenario["target"] = {{"reference", {{"flow", "coupon/naiv"}}}};
    refused(folder, run_scenario_text(folder, scenario.dump()), 2, {"did you mean 'coupon/naive'"});
}

TEST_CASE("stores that cannot be read are told before anything is sent") {
    const TemporaryFolder folder;
    OwnServer server(folder.path, shared_lab().mysql_url(), shared_lab().redis_url());
    const auto with = [&](const char* pointer, const json& value) {
        json document = server.scenario();
        document[json::json_pointer(pointer)] = value;
        return run_scenario_text(folder, document.dump());
    };
    const std::string mysql = shared_lab().mysql_url();
    std::string wrong_password = mysql;
    wrong_password.replace(wrong_password.find("claimstorm:") + 11, 4, "0000");
    refused(folder, with("/target/mysql/url", wrong_password), 3, {"mysql", "Access denied"});
    refused(folder, with("/target/mysql/url", "mysql://root@127.0.0.1:1/x"), 3, {"127.0.0.1:1"});
    refused(folder, with("/target/redis/url", "redis://127.0.0.1:1"), 3, {"127.0.0.1:1"});
    std::string wrong_redis = shared_lab().redis_url();
    wrong_redis.replace(wrong_redis.find(':', 6) + 1, 4, "0000");
    refused(folder, with("/target/redis/url", wrong_redis), 3, {"redis", "WRONGPASS"});
    refused(folder, with("/target/mysql/claims", "SELECT user_id AS user FROM nowhere"), 3,
            {"mysql.claims", "doesn't exist"});
    refused(folder, with("/target/mysql/stock", "SELECT 1 AS one"), 3,
            {"mysql.stock", "remaining"});
    refused(folder, with("/target/prepare/0/http/path", "/nowhere"), 3, {"prepare/0", "404"});
}

TEST_CASE("a target that dies during the storm leaves its history, and the run is never green") {
    const TemporaryFolder folder;
    ScriptedServer server([](const std::string&, int number) {
        return number < 50 ? ScriptedAnswer{http_answer(number < 5 ? 200 : 410, "{}")}
                           : ScriptedAnswer{"", false, false, true};
    });
    spill(folder.path / "s.json", scenario_for(server.url()).dump());
    Program program(folder.path);
    ChildProcess child = program.start({CLAIMSTORM_PROGRAM, "run", "s.json"});
    CHECK(eventually([&] { return server.requests() >= 52; }));
    server.stop();
    const Ended ended = program.finish(child);
    INFO(ended.out << ended.err);
    CHECK(ended.status == 4);
    const HistoryContents contents = history_of(only_run(folder));
    CHECK(contents.history.missing_tail.empty());
    CHECK(contents.history.attempts.size() == 200);
}

TEST_CASE("stores that die during the storm make the run inconclusive, or worse") {
    const TemporaryFolder folder;
    Lab lab;
    OwnServer server(folder.path, lab.mysql_url(), lab.redis_url());
    json scenario = server.scenario();
    scenario["storm"] = {{"users", 3000}, {"connections", 50}, {"arrival", {{"rate", "1000/s"}}}};
    scenario["campaign"]["stock"] = 2900;
    scenario["settle"] = {{"quiet", "100ms"}, {"timeout", "1s"}};
    spill(folder.path / "s.json", scenario.dump());
    Program program(folder.path);
    ChildProcess child = program.start({CLAIMSTORM_PROGRAM, "run", "s.json"});
    REQUIRE(eventually([&] { return program.err_so_far().find("storm: ") != std::string::npos; }));
    MysqlConnection mysql(parse_mysql_url(lab.mysql_url()));
    REQUIRE(eventually(
        [&] { return mysql.query_one("SELECT COUNT(*) FROM unique_claims")->int64(0) > 100; }));
    ::kill(lab.redis_process().pid, SIGKILL);
    const Ended ended = program.finish(child);
    INFO(ended.out << ended.err);
    CHECK((ended.status == 4 || ended.status == 1));
    CHECK(ended.out.find("redis.remaining") != std::string::npos);
    CHECK(history_of(only_run(folder)).history.attempts.size() == 3000);
}

TEST_CASE("a port that is taken is told in one line") {
    const TemporaryFolder folder;
    ScriptedServer other([](const std::string&, int) { return ScriptedAnswer{}; });
    Program program(folder.path);
    program.with("CLAIMSTORM_MYSQL=" + shared_lab().mysql_url())
        .with("CLAIMSTORM_REDIS=" + shared_lab().redis_url());
    const Ended ended = program.run(
        {CLAIMSTORM_SERVER_PROGRAM, "--flow", "coupon/naive", "--listen", other.url().substr(7)});
    INFO(ended.err);
    CHECK(ended.status == 3);
    CHECK(ended.complained_in_one_line());
    CHECK(ended.err.find(other.url().substr(7)) != std::string::npos);
}

TEST_CASE("too few open files are told with the number needed") {
    const TemporaryFolder folder;
    ScriptedServer server([](const std::string&, int) { return ScriptedAnswer{}; });
    json scenario = scenario_for(server.url());
    scenario["storm"]["connections"] = 200;
    spill(folder.path / "s.json", scenario.dump());
    const Ended ended =
        Program(folder.path)
            .run({"/bin/sh", "-c", "ulimit -n 100; exec " CLAIMSTORM_PROGRAM " run s.json"});
    refused(folder, ended, 3, {"ulimit -n 264"});
}

TEST_CASE("Ctrl-C keeps the history and exits with 130") {
    const TemporaryFolder folder;
    ScriptedServer server([](const std::string&, int number) {
        return number < 5 ? ScriptedAnswer{http_answer(200, "{}")}
                          : ScriptedAnswer{"", false, false, true};
    });
    json scenario = scenario_for(server.url());
    scenario["storm"]["timeout"] = "1m";
    spill(folder.path / "s.json", scenario.dump());
    Program program(folder.path);
    ChildProcess child = program.start({CLAIMSTORM_PROGRAM, "run", "s.json"});
    REQUIRE(eventually([&] { return server.requests() >= 15; }));
    child.send(SIGINT);
    const Ended ended = program.finish(child);
    INFO(ended.err);
    CHECK(ended.status == 130);
    CHECK(ended.err.find("the history is kept; 'claimstorm check") != std::string::npos);
    const fs::path run = only_run(folder);
    CHECK(history_of(run).history.attempts.size() == 200);
    const Ended judged = Program(folder.path).claimstorm({"check", run.string()});
    CHECK(judged.status == 4);
}

TEST_CASE("a disk that fills up during the storm keeps what was recorded") {
    const TemporaryFolder folder;
    ScriptedServer server(
        [](const std::string&, int) { return ScriptedAnswer{http_answer(200, "{}")}; });
    json scenario = scenario_for(server.url());
    scenario["storm"]["users"] = 20'000;
    scenario["campaign"]["stock"] = 20'000;
    spill(folder.path / "s.json", scenario.dump());
    // 256 blocks of 512 bytes: a fifth of what the storm would write.
    const Ended ended =
        Program(folder.path)
            .run({"/bin/sh", "-c", "ulimit -f 256; exec " CLAIMSTORM_PROGRAM " run s.json"});
    INFO(ended.err);
    CHECK(ended.status == 3);
    CHECK(ended.err.find("history.bin failed") != std::string::npos);
    const HistoryContents contents = history_of(only_run(folder));
    CHECK(contents.history.attempts.size() > 1000);
    CHECK(contents.history.attempts.size() < 20'000);
}

TEST_CASE(
    "kill -9 in mid-storm leaves no process, a readable history, and no lab after the next call") {
    const TemporaryFolder folder;
    const fs::path labs = folder.path / "labs";
    Program program(folder.path);
    program.with("CLAIMSTORM_LAB_DIR=" + labs.string());
    json scenario = json::parse(program.claimstorm({"scenarios", "coupon-lua-gate"}).out);
    scenario["storm"]["arrival"] = {{"rate", "200/s"}};
    spill(folder.path / "s.json", scenario.dump());
    ChildProcess child = program.start({CLAIMSTORM_PROGRAM, "run", "s.json", "-o", "run"});
    REQUIRE(eventually([&] {
        std::error_code error;
        return fs::file_size(folder.path / "run" / "history.bin", error) > 2000 && !error;
    }));
    const json status = json::parse(program.claimstorm({"lab", "status", "--json"}).out);
    child.kill();
    const HistoryContents contents = history_of(folder.path / "run");
    CHECK(contents.history.attempts.size() > 10);
    CHECK(contents.history.missing_tail.find("tail is missing") != std::string::npos);
    CHECK(status.dump().find("redis://") != std::string::npos);
    const Ended after = program.claimstorm({"lab", "status", "--json"});
    CHECK(after.out.find("redis://") == std::string::npos);
    const auto servers_left = [&] {
        for (const auto& process : fs::directory_iterator("/proc")) {
            const std::string command = slurp(process.path() / "cmdline");
            if (command.find(labs.string()) != std::string::npos) return true;
        }
        return false;
    };
    CHECK(eventually([&] { return !servers_left(); }));
    for (const auto& entry : fs::recursive_directory_iterator(labs)) {
        INFO(entry.path());
        CHECK_FALSE(entry.path().filename() == "redis.conf");
    }
}
