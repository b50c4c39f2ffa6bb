#include <algorithm>
#include <csignal>
#include <mutex>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "scenarios/samples_file.h"
#include "stores/mysql.h"
#include "tests/support/program.h"
#include "tests/support/scripted_server.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// Runs in a folder of its own, on the shared lab.
struct Watcher {
    TemporaryFolder folder;
    Program program{folder.path};

    json bundled(const std::string& name) {
        return json::parse(program.claimstorm({"scenarios", name}).out);
    }
    Ended run(const std::string& scenario, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments = {"run", scenario, "-o", "run"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return program.claimstorm(arguments);
    }
    Ended run_flow(const std::string& scenario, std::vector<std::string> more = {}) {
        more.insert(more.end(),
                    {"--mysql", shared_lab().mysql_url(), "--redis", shared_lab().redis_url()});
        return run(scenario, more);
    }
    Ended run_flow(const json& scenario, std::vector<std::string> more = {}) {
        spill(folder.path / "s.json", scenario.dump());
        return run_flow(std::string("s.json"), std::move(more));
    }
    std::vector<StoreSample> samples() {
        auto watched = read_samples(folder.path / "run");
        REQUIRE(watched);
        CHECK(watched->cut.empty());
        return watched->samples;
    }
};

json check_of(const json& result, const std::string& name) {
    for (const json& check : result.at("checks")) {
        if (check.at("name") == name) return check;
    }
    return nullptr;
}

/// A service of a test's own, which stores what it grants in one table and has no stock of it.
struct OwnService {
    Watcher watcher;
    std::mutex mutex;
    MysqlConnection mysql{parse_mysql_url(shared_lab().mysql_url())};
    int hang_after;
    int rows_a_claim = 1;
    ScriptedServer server{[this](const std::string& request, int) { return answer(request); }};

    explicit OwnService(int hang) : hang_after(hang) {
        mysql.execute_text("DROP TABLE IF EXISTS watched");
        mysql.execute_text("CREATE TABLE watched (id INT AUTO_INCREMENT PRIMARY KEY, uid TEXT)");
    }
    ~OwnService() {
        server.stop();
        mysql.execute_text("DROP TABLE watched");
    }
    OwnService(const OwnService&) = delete;
    OwnService& operator=(const OwnService&) = delete;

    ScriptedAnswer answer(const std::string& request) {
        const std::lock_guard lock(mutex);
        if (hang_after-- <= 0) return {"", false, false, true};
        const std::string user =
            json::parse(request.substr(request.find("\r\n\r\n") + 4)).at("user");
        for (int i = 0; i < rows_a_claim; ++i) {
            mysql.execute("INSERT INTO watched (uid) VALUES (?)", {user});
        }
        return {http_answer(200, "{}")};
    }
    json scenario() const {
        return {{"name", "own"},
                {"target",
                 {{"base_url", server.url()},
                  {"claim", {{"path", "/"}, {"body", {{"user", "{user}"}}}}},
                  {"outcomes", {{{"status", 200}, {"is", "granted"}}}},
                  {"mysql",
                   {{"url", shared_lab().auditor_url()},
                    {"claims", "SELECT uid AS user FROM watched"}}}}},
                {"campaign", {{"stock", 100}}},
                {"settle", {{"quiet", "50ms"}, {"timeout", "5s"}}},
                {"storm", {{"users", 100}, {"connections", 10}, {"timeout", "1m"}}}};
    }
    void write_scenario() { spill(watcher.folder.path / "s.json", scenario().dump()); }
};

}  // namespace

TEST_CASE("a sound flow with a queue is watched to its rest, holds, and is judged again the same") {
    Watcher watcher;
    const Ended first =
        watcher.run_flow(std::string("coupon-async-stream"), {"--json", "--watch-every", "5ms"});
    INFO(first.err);
    REQUIRE(first.status == 0);
    const json result = json::parse(first.out);
    const json check = check_of(result, "live_balance");
    CHECK(check.at("verdict") == "holds");
    CHECK(check.at("figures").at("judged") > 2);
    const json& watch = result.at("watch");
    const double storm_ms = result.at("storm").at("duration_ms");
    CHECK(watch.at("first_ms") < storm_ms);
    CHECK(watch.at("last_ms") > storm_ms);
    CHECK(watch.at("sold_out_told_ms") <= storm_ms);
    CHECK(watch.at("sold_out_stored_ms") >= watch.at("sold_out_taken_ms"));
    CHECK(watch.at("converged_ms") >= 0);
    CHECK(watch.at("unread") == 0);
    const std::vector<StoreSample> samples = watcher.samples();
    CHECK(static_cast<std::int64_t>(samples.size()) == watch.at("samples"));
    CHECK(*samples.back().rows == 100);
    CHECK(*samples.back().backlog_after == 0);
    CHECK(*samples.back().cache_remaining == 0);
    const std::string report = slurp(watcher.folder.path / "run" / "report.txt");
    CHECK(report.find("\nWATCH\n") != std::string::npos);

    const Ended again = watcher.program.claimstorm({"check", "run", "--json"});
    CHECK(again.status == 0);
    CHECK(again.out == first.out);
}

TEST_CASE("consumers that pause are seen as a backlog that rises and falls") {
    Watcher watcher;
    json scenario = watcher.bundled("coupon-async-stream");
    scenario["target"]["reference"]["failpoints"] = {"after_read=pause(150ms)"};
    const Ended ended = watcher.run_flow(scenario, {"--json", "--watch-every", "10ms"});
    INFO(ended.err);
    REQUIRE(ended.status == 0);
    const json result = json::parse(ended.out);
    CHECK(check_of(result, "live_balance").at("verdict") == "holds");
    const std::vector<StoreSample> samples = watcher.samples();
    std::int64_t highest = 0;
    for (const StoreSample& sample : samples) {
        highest = std::max(highest, *sample.backlog_before);
    }
    CHECK(highest >= 50);
    CHECK(*samples.back().backlog_after == 0);
    CHECK(result.at("watch").at("backlog_max").at("value") >= highest);
    CHECK(result.at("watch").at("sold_out_taken_ms") < result.at("watch").at("sold_out_stored_ms"));
}

TEST_CASE("a flow that takes claims off its queue before it stores them is found without a crash") {
    Watcher watcher;
    json scenario = watcher.bundled("coupon-async-stream-ack-first-steady");
    scenario["target"]["reference"]["failpoints"] = {"after_ack=pause(150ms)"};
    const Ended ended = watcher.run_flow(scenario, {"--json", "--watch-every", "10ms"});
    INFO(ended.err);
    CHECK(ended.status == 1);
    const json result = json::parse(ended.out);
    const json check = check_of(result, "live_balance");
    CHECK(check.at("verdict") == "violated");
    CHECK(check.at("strength") == "possible");
    CHECK(check.at("figures").at("early") > 10);
    CHECK(check.at("figures").at("early_ms") >= 50);
    CHECK(check.at("diagnosis").size() == 2);
    CHECK(check_of(result, "lost_claims").at("verdict") == "holds");
}

TEST_CASE("a run that is not watched says nothing of it, unless it is required") {
    Watcher watcher;
    const Ended plain = watcher.run_flow(std::string("coupon-lua-gate"), {"--json"});
    CHECK(plain.status == 0);
    CHECK(check_of(json::parse(plain.out), "live_balance") == nullptr);
    CHECK_FALSE(json::parse(plain.out).contains("watch"));
    CHECK_FALSE(fs::exists(watcher.folder.path / "run" / "samples.ndjson"));
    const Ended required =
        watcher.program.claimstorm({"check", "run", "--require", "live_balance"});
    CHECK(required.status == 4);
    CHECK(required.out.find("run it with --watch") != std::string::npos);
    CHECK(required.out.find("required and yet skipped: live_balance") != std::string::npos);
}

TEST_CASE("a target without stock, cache or backlog is watched by its rows alone") {
    OwnService service(100);
    service.write_scenario();
    const Ended ended = service.watcher.run("s.json", {"--watch", "--json"});
    INFO(ended.err);
    REQUIRE(ended.status == 0);
    const json result = json::parse(ended.out);
    const json check = check_of(result, "live_balance");
    CHECK(check.at("verdict") == "holds");
    CHECK(check.at("summary").get<std::string>().find("names no backlog") != std::string::npos);
    CHECK(result.at("watch").at("backlog_max").is_null());
    const StoreSample last = service.watcher.samples().back();
    CHECK(*last.rows == 100);
    CHECK_FALSE(last.backlog_before.is_named());
    CHECK_FALSE(last.cache_remaining.is_named());
}

TEST_CASE("more rows than attempts had been sent are told as asked for by nobody") {
    OwnService service(1);
    service.rows_a_claim = 3;
    json scenario = service.scenario();
    scenario["storm"]["users"] = 1;
    scenario["storm"]["connections"] = 1;
    spill(service.watcher.folder.path / "s.json", scenario.dump());
    const Ended ended = service.watcher.run("s.json", {"--watch", "--json"});
    INFO(ended.err);
    CHECK(ended.status == 1);
    const json check = check_of(json::parse(ended.out), "live_balance");
    CHECK(check.at("verdict") == "violated");
    CHECK(check.at("strength") == "definite");
    CHECK(check.at("figures").at("unasked") == 2);
}

TEST_CASE("Ctrl-C ends the watch with the run, and leaves whole lines") {
    OwnService service(5);
    service.write_scenario();
    Watcher& watcher = service.watcher;
    ChildProcess child = watcher.program.start(
        {CLAIMSTORM_PROGRAM, "run", "s.json", "--watch-every", "5ms", "-o", "run"});
    const fs::path file = watcher.folder.path / "run" / "samples.ndjson";
    REQUIRE(eventually([&] {
        std::error_code error;
        return fs::file_size(file, error) > 500 && !error;
    }));
    child.send(SIGINT);
    const Ended ended = watcher.program.finish(child, std::chrono::seconds(20));
    INFO(ended.err);
    CHECK(ended.status == 130);
    CHECK(watcher.samples().size() > 5);
    CHECK(watcher.samples().back().rows.is_read());
    const Ended judged = watcher.program.claimstorm({"check", "run", "--json"});
    CHECK(judged.status == 4);
    CHECK(check_of(json::parse(judged.out), "live_balance").at("verdict") == "inconclusive");
}

TEST_CASE("what cannot be watched, or read back, is refused in one line that says where") {
    Watcher watcher;
    const Ended soon = watcher.run("coupon-lua-gate", {"--watch-every", "soon"});
    CHECK(soon.status == 2);
    CHECK(soon.complained_in_one_line());
    CHECK(soon.err.find("--watch-every: 'soon' is no time from 1ms to 1h") != std::string::npos);

    OwnService service(5);
    json blind = service.scenario();
    blind["target"].erase("mysql");
    spill(watcher.folder.path / "s.json", blind.dump());
    const Ended nothing = watcher.run("s.json", {"--watch"});
    CHECK(nothing.status == 2);
    CHECK(nothing.complained_in_one_line());
    CHECK(nothing.err.find("--watch has nothing to read") != std::string::npos);
    CHECK_FALSE(fs::exists(watcher.folder.path / "run"));

    CHECK(watcher.run_flow(std::string("coupon-lua-gate"), {"-q", "--watch"}).status == 0);
    const fs::path file = watcher.folder.path / "run" / "samples.ndjson";
    spill(file, slurp(file) + "{\"begun_ns\":\n");
    const Ended bad = watcher.program.claimstorm({"check", "run"});
    CHECK(bad.status == 2);
    CHECK(bad.complained_in_one_line());
    CHECK(bad.err.find("samples.ndjson:") != std::string::npos);
    CHECK(bad.err.find("not JSON") != std::string::npos);
}
