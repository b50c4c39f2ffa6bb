#include <mutex>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "stores/mysql.h"
#include "tests/support/program.h"
#include "tests/support/scripted_server.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using namespace claimstorm::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

json target_for(const std::string& base_url) {
    return {{"base_url", base_url},
            {"claim", {{"path", "/claim"}, {"body", "user={user}"}}},
            {"outcomes",
             {{{"status", 200}, {"json", {{"/code", 0}}}, {"is", "granted"}},
              {{"status", "4xx"}, {"is", "sold_out"}},
              {{"status", 202}, {"is", "pending"}}}},
            {"fields", {{"claim_id", "/id"}}}};
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A probe of a service that answers everything so.
struct Probed {
    TemporaryFolder folder;
    Program program{folder.path};
    std::mutex mutex;
    std::vector<std::string> received;
    ScriptedServer server;
    json target;

    explicit Probed(std::function<ScriptedAnswer(int number)> answer)
        : server([this, answer = std::move(answer)](const std::string& request, int number) {
              const std::lock_guard lock(mutex);
              received.push_back(request);
              return answer(number);
          }),
          target(target_for(server.url())) {}
    explicit Probed(const std::string& answer)
        : Probed([answer](int) { return ScriptedAnswer{answer}; }) {}

    std::vector<std::string> requests() {
        const std::lock_guard lock(mutex);
        return received;
    }

    Ended probe(std::vector<std::string> arguments = {}) {
        spill(folder.path / "t.json", target.dump());
        arguments.insert(arguments.begin(), {"probe", "t.json"});
        return program.claimstorm(arguments);
    }
};

}  // namespace

TEST_CASE("a probe sends one claim, the one that a storm would send") {
    Probed probed(http_answer(200, R"({"code": 0, "id": "c7"})", "X-Shop: yes\r\n"));
    probed.target["users"] = {{"csv", "a.csv"}};
    probed.target["claim"]["headers"] = {{"Cookie", "s={session}"}, {"X-Empty", ""}};
    spill(probed.folder.path / "a.csv", "user,session\nann,s1\nben & co,s2\n");
    const Ended ended = probed.probe({"--user", "2"});
    INFO(ended.out << ended.err);
    CHECK(ended.status == 0);
    const std::vector<std::string> requests = probed.requests();
    REQUIRE(requests.size() == 1);
    const std::string& request = requests.front();
    CHECK(request.starts_with("POST /claim HTTP/1.1\r\n"));
    CHECK(request.ends_with("\r\n\r\nuser=ben+%26+co"));
    for (const char* header :
         {"Cookie: s=s2\r\n", "X-Empty:\r\n", "Content-Length: 15\r\n",
          "Content-Type: application/x-www-form-urlencoded\r\n", "User-Agent: claimstorm/"}) {
        INFO(header);
        CHECK(has(request, header));
    }
    CHECK_FALSE(has(request, "Accept"));
    CHECK(has(ended.out, "a probe is a real claim"));
    CHECK(has(ended.out, "Cookie: s=s2\n"));
    CHECK(has(ended.out, "X-Shop: yes\n"));
    CHECK(has(ended.out,
              "OUTCOME granted\n  yes   outcomes/0 granted          status is 200; "
              "/code is 0\n  no    outcomes/1 sold_out         status is 200, wanted "
              "4xx\n"));
    CHECK(has(ended.out, "claim_id     c7 (/id)\n"));
    CHECK(probed.probe({"--user", "3"}).status == 2);
    CHECK(probed.requests().size() == 1);
}

TEST_CASE("an answer that no rule fits is shown with what each rule misses") {
    const std::string body = "<p>\x1b[31m\xff over\r\nload \xc3\xa9</p>" + std::string(3000, 'x');
    Probed probed(http_answer(502, body));
    const Ended ended = probed.probe();
    INFO(ended.out << ended.err);
    CHECK(ended.status == 4);
    CHECK(has(ended.out, "OUTCOME unknown: no rule fits"));
    CHECK(has(ended.out, "status is 502, wanted 200; the body is not JSON, wanted 0"));
    CHECK(has(ended.out, "<p>\\x1b[31m\\xff over\n  load \xc3\xa9</p>xxx"));
    CHECK(has(ended.out, "bytes more"));
    CHECK_FALSE(has(ended.out, std::string(2500, 'x')));
    CHECK_FALSE(has(ended.out, "\x1b"));
    const json told = json::parse(probed.probe({"--json"}).out);
    CHECK(told.at("claim").at("status") == 502);
    CHECK(told.at("understood") == false);
    CHECK(told.at("rules").at(1).at("parts").at(0).at("text") == "status is 502, wanted 4xx");
}

TEST_CASE("a pending claim is asked after as in a storm") {
    Probed probed([](int number) {
        if (number == 0) return ScriptedAnswer{http_answer(202, R"({"id": "q9"})")};
        if (number == 1) return ScriptedAnswer{http_answer(202, "{}")};
        if (number == 2) return ScriptedAnswer{"", false, true};  // reset: asked again
        return ScriptedAnswer{http_answer(200, R"({"code": 0})")};
    });
    probed.target["poll"] = {{"path", "/result/{claim_id}"}, {"every", "5ms"}, {"until", "5s"}};
    const Ended ended = probed.probe({"--json"});
    INFO(ended.out << ended.err);
    CHECK(ended.status == 0);
    const json told = json::parse(ended.out);
    CHECK(told.at("claim").at("outcome") == "pending");
    REQUIRE(told.at("polls").size() == 3);
    CHECK(told.at("polls").at(0).at("outcome") == "pending");
    CHECK(told.at("polls").at(1).contains("error"));
    CHECK(told.at("polls").at(2).at("outcome") == "granted");
    CHECK(told.at("poll_end") == "told by poll 3");
    CHECK(told.at("outcome") == "granted");
    CHECK(probed.requests().back().starts_with("GET /result/q9 HTTP/1.1\r\n"));
}

TEST_CASE("asking after a pending claim ends when its time is over, or before it begins") {
    Probed probed([](int number) {
        return ScriptedAnswer{http_answer(202, number < 100 ? R"({"id": 1})" : "{}")};
    });
    probed.target["poll"] = {{"path", "/r/{claim_id}"}, {"every", "5ms"}, {"until", "60ms"}};
    const Ended ended = probed.probe();
    INFO(ended.out);
    CHECK(ended.status == 0);
    CHECK(has(ended.out, "POLLS still open after 60ms: a storm records it as pending"));
    probed.target["fields"]["claim_id"] = "/nowhere";
    CHECK(
        has(probed.probe().out, "POLLS never asked: the answer to the claim carries no claim id"));
    probed.target["fields"] = {{"poll_id", "/job"}};
    probed.target["poll"]["path"] = "/r/{poll_id}";
    const std::string told = probed.probe().out;
    CHECK(has(told, "POLLS never asked: the answer to the claim carries no poll id"));
    CHECK(has(told, "\n  poll_id      not read: /job is absent (/job)\n"));
    // It is read from the claim's answer, and from no poll's.
    probed.target["fields"] = {{"poll_id", "/id"}};
    const std::string asked = probed.probe().out;
    const std::size_t first = asked.find("\n  poll_id      1 (/id)\n");
    REQUIRE(first != std::string::npos);
    CHECK(has(asked, "POLLS still open"));
    CHECK(asked.find("poll_id", first + 10) == std::string::npos);
}

TEST_CASE("a service that is not there, or a subject that cannot be probed, is told in one line") {
    const TemporaryFolder folder;
    const auto refused = [&folder](const json& document, std::vector<std::string> arguments,
                                   int status, const std::string& part) {
        const TemporaryFolder own;
        spill(own.path / "t.json", document.dump());
        arguments.insert(arguments.begin(), {"probe", "t.json"});
        const Ended ended = Program(own.path).claimstorm(arguments);
        INFO(ended.out << ended.err);
        CHECK(ended.status == status);
        CHECK(has(ended.err, part));
        CHECK(ended.out.empty());
    };
    json target = target_for("http://127.0.0.1:1");
    refused(target, {}, 3, "http://127.0.0.1:1/claim: ");
    refused(target, {"--user", "0"}, 2, "--user");
    target["claim"]["path"] = "/{campaign}";
    refused(target, {}, 2, "say which with --campaign");
    refused(target, {"--campaign", "7"}, 3, "http://127.0.0.1:1/7: ");
    refused({{"x", 1}}, {}, 2, "t.json: /: unknown key 'x'");
    const Ended bundled = Program(folder.path).claimstorm({"probe", "coupon-naive"});
    CHECK(bundled.status == 2);
    CHECK(bundled.complained_in_one_line());
}

TEST_CASE("a probe shows what each store holds around the claim, and which it cannot read") {
    const TemporaryFolder folder;
    Program server(folder.path);
    server.with("CLAIMSTORM_MYSQL=" + shared_lab().mysql_url())
        .with("CLAIMSTORM_REDIS=" + shared_lab().redis_url());
    ChildProcess process = server.start({CLAIMSTORM_SERVER_PROGRAM, "--flow", "coupon/lua-gate",
                                         "--listen", "127.0.0.1:0", "--announce"});
    REQUIRE(eventually([&] { return has(server.out_so_far(), "\n"); }));
    json target = json::parse(server.out_so_far());
    fs::create_directory(folder.path / "probes");
    const auto probe = [&](std::vector<std::string> arguments) {
        spill(folder.path / "probes" / "t.json", target.dump());
        arguments.insert(arguments.begin(), {"probe", "t.json", "--campaign", "probed"});
        const TemporaryFolder own;
        fs::copy(folder.path / "probes" / "t.json", own.path / "t.json");
        return Program(own.path).claimstorm(arguments);
    };
    const Ended first = probe({"--prepare", "--stock", "7", "--json"});
    INFO(first.out << first.err);
    REQUIRE(first.status == 0);
    const json evidence = json::parse(first.out).at("evidence");
    CHECK(evidence.at("mysql.claims").at("before").at("rows") == 0);
    CHECK(evidence.at("mysql.claims").at("after").at("of_user") == 1);
    CHECK(evidence.at("mysql.stock").at("before").at("stock") == 7);
    CHECK(evidence.at("redis.remaining").at("before").at("value") == 7);
    CHECK(evidence.at("redis.remaining").at("after").at("value") == 6);
    CHECK(evidence.at("redis.users").at("before").at("has_user") == 0);
    CHECK(evidence.at("redis.users").at("after").at("has_user") == 1);

    const Ended second = probe({});
    INFO(second.out << second.err);
    CHECK(second.status == 0);
    CHECK(has(second.out, "OUTCOME already_claimed"));
    CHECK(has(second.out, "redis.remaining  6\n                   the same after it\n"));

    const Ended own = probe({"--user", "2"});
    CHECK(has(own.out, "a storm would record granted; all that the target names can be read\n"));

    const json spelled_alike = target;
    target["mysql"]["claims"] =
        "SELECT CONCAT('nr-', user_id) AS user, id AS claim_id FROM unique_claims"
        " WHERE campaign_id = {campaign}";
    target["redis"]["users"] = {{"set", "no-such-set"}};
    const Ended foreign = probe({"--user", "3"});
    INFO(foreign.out << foreign.err);
    CHECK(foreign.status == 0);
    CHECK(has(foreign.out, "3 rows, 0 of them u3's (the last is of 'nr-u3')\n"));
    CHECK(has(foreign.out,
              "a storm would record granted; all that the target names can be read; "
              "but no new row is u3's: make the claims query and users agree\n"));
    target = spelled_alike;

    target["mysql"]["claims"] = "SELECT user_id AS who FROM unique_claims";
    target["redis"]["backlog"] = {"GET", "no-such-key"};
    const Ended third = probe({});
    INFO(third.out << third.err);
    CHECK(third.status == 3);
    CHECK(has(third.out, "mysql.claims     CANNOT BE READ: "));
    CHECK(has(third.out, "redis.backlog    the key 'no-such-key' does not exist"));
    CHECK(has(third.out, "mysql.claims cannot be read: no storm would be fired"));
    CHECK(has(third.out, "redis.remaining  4"));
}

TEST_CASE("of a target that names its stores alone these are read, and nothing is claimed") {
    MysqlConnection mysql(parse_mysql_url(shared_lab().mysql_url()));
    mysql.execute_text("CREATE OR REPLACE TABLE probed_alone (uid VARCHAR(20), sku INT)");
    mysql.execute_text("INSERT INTO probed_alone VALUES ('u1', 7), ('u2', 7)");
    json target = {{"mysql",
                    {{"url", shared_lab().auditor_url()},
                     {"claims", "SELECT uid AS user FROM probed_alone WHERE sku = {campaign}"}}},
                   {"redis", {{"url", shared_lab().redis_url()}, {"locks", {"probed-alone:*"}}}}};
    const TemporaryFolder folder;
    Program program(folder.path);
    const auto probe = [&](const json& document, std::vector<std::string> more = {}) {
        spill(folder.path / "t.json", document.dump());
        more.insert(more.begin(), {"probe", "t.json"});
        return program.claimstorm(more);
    };
    const Ended text = probe(target, {"--campaign", "7"});
    INFO(text.out << text.err);
    CHECK(text.status == 0);
    CHECK(text.out ==
          "the stores of campaign 7, read once (the target names no service, so nothing was "
          "claimed)\n\nEVIDENCE as it is now\n  mysql.claims     2 rows, 1 of them u1's\n"
          "  redis.locks      none held\n\n"
          "all that the target names can be read: claimstorm audit judges it\n");
    const json told = json::parse(probe(target, {"--campaign", "7", "--json"}).out);
    CHECK(told.at("evidence").at("mysql.claims").at("now").at("rows") == 2);
    CHECK(told.at("understood") == true);
    CHECK_FALSE(told.contains("claim"));
    // A scenario with such a target says of which campaign.
    const json scenario = {
        {"name", "alone"}, {"campaign", {{"id", 7}, {"stock", 9}}}, {"target", target}};
    CHECK(probe(scenario).out == text.out);
    const Ended whose = probe(target);
    CHECK(whose.status == 2);
    CHECK(whose.complained_in_one_line());
    CHECK(has(whose.err, "say which with --campaign"));

    target["mysql"]["claims"] = "SELECT uid AS who FROM probed_alone";
    const Ended unread = probe(target, {"--campaign", "7"});
    INFO(unread.out << unread.err);
    CHECK(unread.status == 3);
    CHECK(has(unread.out, "mysql.claims     CANNOT BE READ: the query returns no column 'user'"));
    CHECK(
        has(unread.out, "mysql.claims cannot be read: checks that need it would be inconclusive"));
    mysql.execute_text("DROP TABLE probed_alone");
}
