#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/support/program.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A folder with a scenario that names nothing but a promise, and a log.
struct Bench {
    TemporaryFolder folder;
    Program program{folder.path};

    explicit Bench(const std::string& log, int stock = 2) {
        spill(folder.path / "log.ndjson", log);
        spill(folder.path / "s.json",
              json{{"name", "shop"}, {"campaign", {{"stock", stock}}}, {"checks", "all"}}.dump());
    }
    Ended import(std::vector<std::string> more = {"log.ndjson"}) {
        std::vector<std::string> arguments = {"history", "import",   "--scenario",
                                              "s.json",  "--output", "run"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return program.claimstorm(arguments);
    }
    json check() {
        const Ended ended = program.claimstorm({"check", "run", "--json"});
        INFO(ended.err);
        json result = json::parse(ended.out);
        result["exit"] = ended.status;
        return result;
    }
};

std::string line(const std::string& user, int sent, const std::string& outcome,
                 const std::string& id = "") {
    json attempt = {{"user", user}, {"sent_ns", sent}, {"done_ns", sent + 5}, {"outcome", outcome}};
    if (!id.empty()) attempt["claim_id"] = id;
    return attempt.dump() + "\n";
}

std::string verdict_of(const json& list, const std::string& name) {
    for (const json& one : list) {
        if (one.at("name") == name) return one.at("verdict");
    }
    return "not there";
}

}  // namespace

TEST_CASE("another program's log is imported and judged by what was promised alone") {
    Bench sound(line("u1", 0, "granted", "1") + line("u2", 9, "granted", "2") +
                line("u3", 20, "sold_out"));
    const Ended imported = sound.import();
    INFO(imported.err);
    CHECK(imported.status == 0);
    CHECK(imported.out.find("3 attempts of 3 users") == 0);
    const json held = sound.check();
    CHECK(held.at("exit") == 0);
    CHECK(held.at("verdict") == "holds");
    CHECK(verdict_of(held.at("checks"), "promised_oversell") == "holds");
    CHECK(verdict_of(held.at("checks"), "oversell") == "skipped");

    Bench oversold(line("u1", 0, "granted", "1") + line("u2", 9, "granted", "2") +
                   line("u3", 20, "granted", "3") + line("u1", 30, "granted", "4"));
    CHECK(oversold.import().status == 0);
    const json broken = oversold.check();
    CHECK(broken.at("exit") == 1);
    CHECK(verdict_of(broken.at("checks"), "promised_oversell") == "violated");
    CHECK(verdict_of(broken.at("checks"), "duplicate_users") == "violated");
    const Ended exported = oversold.program.claimstorm({"history", "run"});
    CHECK(exported.out.find("\"user\":\"u1\",\"attempt\":2") != std::string::npos);
}

TEST_CASE("gates about the generator are skipped for an imported log, others are judged") {
    // The second was due long before it was sent: a generator of ours would have missed its time.
    Bench bench(line("u1", 0, "granted", "1") +
                R"({"user":"u2","due_ns":0,"sent_ns":9000000000,"done_ns":9000000005,)"
                R"("outcome":"granted","claim_id":"2"})");
    json scenario = json::parse(slurp(bench.folder.path / "s.json"));
    scenario["gates"] = {{"send_lag_us_p99", "< 1"},
                         {"release_spread_ms", "< 0"},
                         {"service_ms_max", "< 1"},
                         {"granted", ">= 3"}};
    spill(bench.folder.path / "s.json", scenario.dump());
    CHECK(bench.import().status == 0);
    const json result = bench.check();
    CHECK(verdict_of(result.at("gates"), "schedule_kept") == "skipped");
    CHECK(verdict_of(result.at("gates"), "send_lag_us_p99") == "skipped");
    CHECK(verdict_of(result.at("gates"), "release_spread_ms") == "skipped");
    CHECK(verdict_of(result.at("gates"), "service_ms_max") == "holds");
    CHECK(verdict_of(result.at("gates"), "granted") == "violated");
    CHECK(verdict_of(result.at("gates"), "audit_done") == "not there");
    CHECK(verdict_of(result.at("gates"), "sold_out_reached") == "not there");
}

TEST_CASE("an imported log in which nobody was granted anything proves nothing") {
    Bench bench(line("u1", 0, "sold_out"));
    CHECK(bench.import().status == 0);
    CHECK(verdict_of(bench.check().at("gates"), "something_granted") == "inconclusive");
}

TEST_CASE("a log comes through the standard input as well") {
    Bench bench(line("u1", 0, "granted", "1"));
    const Ended piped = bench.program.run(
        {"/bin/sh", "-c",
         CLAIMSTORM_PROGRAM " history import - --scenario s.json -o run -q < log.ndjson"});
    INFO(piped.err);
    CHECK(piped.status == 0);
    CHECK(piped.out == "run\n");
    CHECK(bench.check().at("exit") == 0);
}

TEST_CASE("a log with a bad line leaves no run folder, and one line says where it is") {
    Bench bench(line("u1", 0, "granted", "1") + "{\"user\": \"u2\", \"sent\": 3}\n");
    const Ended refused = bench.import();
    CHECK(refused.status == 2);
    CHECK(refused.complained_in_one_line());
    CHECK(refused.err == "claimstorm: log.ndjson:2: unknown key 'sent'; did you mean 'sent_ns'?\n");
    CHECK_FALSE(fs::exists(bench.folder.path / "run"));
    const Ended missing = bench.import({"nowhere.ndjson"});
    CHECK(missing.status == 2);
    CHECK(missing.complained_in_one_line());
    CHECK(missing.err.find("nowhere.ndjson") != std::string::npos);
    CHECK_FALSE(fs::exists(bench.folder.path / "run"));
}

TEST_CASE("a scenario without a storm is not fired, and its run folder is never overwritten") {
    Bench bench(line("u1", 0, "granted", "1"));
    const Ended fired = bench.program.claimstorm({"run", "s.json"});
    CHECK(fired.status == 2);
    CHECK(fired.complained_in_one_line());
    CHECK(fired.err.find("names no target") != std::string::npos);
    CHECK(bench.program.claimstorm({"run", "s.json", "--dry-run"}).status == 2);
    CHECK(bench.import().status == 0);
    const Ended again = bench.import();
    CHECK(again.status == 2);
    CHECK(again.err.find("not empty") != std::string::npos);
}
