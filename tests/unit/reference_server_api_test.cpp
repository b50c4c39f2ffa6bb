#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "tests/support/running_server.h"

using namespace claimstorm;
using namespace claimstorm::reference;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

void check_answer(const TestResponse& response, int status, const json& body) {
    CHECK(response.status == status);
    CHECK(json::parse(response.body) == body);
}

void check_error(const TestResponse& response, int status, const std::string& what) {
    INFO(response.body);
    CHECK(response.status == status);
    CHECK_THAT(json::parse(response.body)["error"].get<std::string>(), Contains(what));
}

/// Lets claims wait at a step until they are let go.
class Hold {
  public:
    StepHook at(std::string step) {
        return [this, step = std::move(step)](Context&, std::string_view passed) {
            if (passed != step) return;
            std::unique_lock lock(mutex_);
            ++waiting_;
            changed_.notify_all();
            changed_.wait(lock, [this] { return released_; });
        };
    }
    void wait_for(int claims) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= claims; });
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool released_ = false;
};

}  // namespace

TEST_CASE("a campaign is created, claimed from, shown and reset") {
    RunningServer server(RunningServer::options("coupon/lua-gate"));
    check_answer(server.request("GET", "/healthz"), 200,
                 {{"status", "ok"}, {"flow", "coupon/lua-gate"}});
    const json fresh{{"id", "c-1"},    {"kind", "coupon"},  {"stock", 1},           {"per_user", 1},
                     {"remaining", 1}, {"sold_out", false}, {"cache_remaining", 1}, {"claims", 0}};
    const auto create = R"({"id":"c-1","kind":"coupon","stock":"1","per_user":1})";
    check_answer(server.request("POST", "/campaigns", create), 201, fresh);

    const auto granted = server.claim("c-1", "a");
    CHECK(granted.status == 200);
    CHECK(json::parse(granted.body)["outcome"] == "granted");
    CHECK(json::parse(granted.body)["claim_id"].is_string());
    check_answer(server.claim("c-1", "a"), 409, {{"outcome", "already_claimed"}});
    check_answer(server.claim("c-1", "b"), 410, {{"outcome", "sold_out"}});
    json sold = fresh;
    sold.update(json{{"remaining", 0}, {"sold_out", true}, {"cache_remaining", 0}, {"claims", 1}});
    check_answer(server.request("GET", "/campaigns/c-1?verbose"), 200, sold);

    check_answer(server.request("POST", "/campaigns", create), 201, fresh);
    CHECK(server.claim("c-1", "a").status == 200);
}

TEST_CASE("a campaign without an id is given one") {
    RunningServer server(RunningServer::options("coupon/naive"));
    const auto made = server.request("POST", "/campaigns", R"({"kind":"coupon","stock":1})");
    CHECK(made.status == 201);
    const std::string id = json::parse(made.body)["id"];
    CHECK(server.claim(id, "a").status == 200);
}

TEST_CASE("what cannot be understood is 400 with the reason") {
    RunningServer server(RunningServer::options("coupon/naive"));
    const auto create = [&](const char* body) {
        return server.request("POST", "/campaigns", body);
    };
    check_error(create(""), 400, "not JSON");
    check_error(create("[1]"), 400, "not a JSON object");
    check_error(create(R"({"kind":"coupon"})"), 400, "\"stock\" is missing");
    check_error(create(R"({"kind":"coupon","stock":1.5})"), 400, "\"stock\" must be a whole");
    check_error(create(R"({"kind":"coupon","stock":"1x"})"), 400, "\"stock\" must be a whole");
    check_error(create(R"({"kind":"coupon","stock":-1})"), 400, "from 0 to 1000000000");
    check_error(create(R"({"kind":"coupon","stock":18446744073709551615})"), 400, "\"stock\"");
    check_error(create(R"({"kind":"coupon","stock":1,"per_user":0})"), 400, "\"per_user\"");
    check_error(create(R"({"kind":"voucher","stock":1})"), 400, "\"kind\" must be");
    check_error(create(R"({"stock":1})"), 400, "\"kind\" must be");
    check_error(create(R"({"kind":"coupon","stock":1,"id":"a b"})"), 400, "\"id\" must be");
    check_error(create(R"({"kind":"coupon","stock":1,"id":7})"), 400, "\"id\" must be");
    check_error(create(R"({"kind":"coupon","stokc":1})"), 400, "did you mean \"stock\"");
    check_error(create(R"({"kind":"envelope","stock":1,"budget_cents":9})"), 400,
                "what coupon/naive serves");
    check_error(create(R"({"kind":"envelope","stock":10,"budget_cents":9})"), 400, "at least 1");
    check_error(create(R"({"kind":"envelope","stock":10})"), 400, "\"budget_cents\" is missing");

    server.create("c-2", 5);
    const auto claim = [&](const std::string& body) {
        auto response = server.request("POST", "/campaigns/c-2/claims", body);
        CHECK(json::parse(response.body)["outcome"] == "rejected");
        return response;
    };
    check_error(claim("{"), 400, "not JSON");
    check_error(claim("{}"), 400, "\"user\" is missing");
    check_error(claim(R"({"user":7})"), 400, "must be a string");
    check_error(claim(R"({"user":""})"), 400, "1 to 64 bytes");
    check_error(claim(R"({"user":")" + std::string(65, 'x') + R"("})"), 400, "1 to 64 bytes");
    check_error(claim("{\"user\":\"\xff\"}"), 400, "not JSON");
    CHECK(server.claim("c-2", std::string(64, 'x')).status == 200);
    CHECK(server.claim("c-2", "A").status == 200);  // another user than
    CHECK(server.claim("c-2", "a").status == 200);  // this one, and than
    CHECK(server.claim("c-2", "a ").status == 200);
    CHECK(server.state("c-2")["claims"] == 4);
}

TEST_CASE("unknown campaigns and paths are 404, other methods 405") {
    RunningServer server(RunningServer::options("coupon/naive"));
    server.create("c-3", 1);
    check_error(server.request("GET", "/campaigns/none"), 404, "no such campaign");
    check_error(server.request("GET", "/campaigns/b%C3%A4d"), 404, "no such campaign");
    CHECK(json::parse(server.claim("none", "a").body)["outcome"] == "rejected");
    CHECK(server.claim("none", "a").status == 404);
    for (const char* path : {"/", "/campaigns/", "/campaigns//claims", "/campaigns/c-3/claims/1/2",
                             "/campaigns/c-3/nothing", "/healthz/", "nonsense"}) {
        INFO(path);
        check_error(server.request("GET", path), 404, "no such path");
    }
    const auto wrong = server.request("DELETE", "/campaigns/c-3");
    check_error(wrong, 405, "only GET");
    CHECK_THAT(wrong.head, Contains("Allow: GET"));
    CHECK(server.request("GET", "/campaigns").status == 405);
    CHECK(server.request("POST", "/healthz").status == 405);
    // Polling and archiving are for flows that have something to poll or to archive.
    check_error(server.request("GET", "/campaigns/c-3/claims/1"), 404, "nothing to poll");
    check_error(server.request("POST", "/campaigns/c-3/close"), 404, "nothing to archive");
}

TEST_CASE("a campaign is known to a server that did not create it") {
    RunningServer(RunningServer::options("coupon/lua-gate")).create("c-4", 3);
    RunningServer second(RunningServer::options("coupon/lua-gate"));
    CHECK(second.claim("c-4", "a").status == 200);
    CHECK(second.state("c-4")["stock"] == 3);
}

TEST_CASE("a store that fails is 500 with its words, and the server goes on") {
    RunningServer server(RunningServer::options("coupon/naive"));
    server.create("c-5", 3);
    RedisConnection redis(parse_redis_url(shared_lab().redis_url()));
    redis.command({"DEL", "cs:c-5:remaining"});
    redis.command({"LPUSH", "cs:c-5:remaining", "no counter"});
    const auto failed = server.claim("c-5", "a");
    check_error(failed, 500, "WRONGTYPE");
    CHECK(json::parse(failed.body)["outcome"] == "unknown");
    check_error(server.request("GET", "/campaigns/c-5"), 500, "WRONGTYPE");
    server.create("c-5", 3);
    CHECK(server.claim("c-5", "a").status == 200);
}

TEST_CASE("workers connect again when the stores have thrown them out") {
    auto options = RunningServer::options("coupon/lua-gate");
    options.workers = 1;
    RunningServer server(options);
    server.create("c-6", 5);
    RedisConnection redis(parse_redis_url(shared_lab().redis_url()));
    redis.command({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"});
    MysqlConnection mysql(parse_mysql_url(shared_lab().mysql_url()));
    for (const auto& row : mysql.query("SELECT id FROM information_schema.processlist WHERE user = "
                                       "'claimstorm' AND id <> CONNECTION_ID()")) {
        mysql.execute_text("KILL " + row.text(0));
    }
    CHECK(server.claim("c-6", "a").status == 200);
    CHECK(server.state("c-6")["cache_remaining"] == 4);
    CHECK(server.state("c-6")["claims"] == 1);
}

TEST_CASE("requests may be pipelined, and come in any pieces") {
    RunningServer server(RunningServer::options("coupon/naive"));
    server.create("c-7", 5);
    TestClient client(server.port());
    const std::string claim =
        "POST /campaigns/c-7/claims HTTP/1.1\r\nHost: t\r\nContent-Length: "
        "12\r\n\r\n{\"user\":\"a\"}";
    client.send(claim + claim + "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n");
    CHECK(client.receive().status == 200);
    CHECK(client.receive().status == 409);
    CHECK_THAT(client.receive().body, Contains("ok"));
    std::string other = claim;
    other[other.size() - 3] = 'b';
    for (const char byte : other) client.send(std::string_view(&byte, 1));
    CHECK(client.receive().status == 200);
}

TEST_CASE("HTTP/1.0 and Connection: close end the connection, keep-alive keeps it") {
    RunningServer server(RunningServer::options("coupon/naive"));
    TestClient old(server.port());
    old.send("GET /healthz HTTP/1.0\r\n\r\n");
    CHECK(old.receive().status == 200);
    CHECK(old.is_closed());
    TestClient kept(server.port());
    kept.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_THAT(kept.receive().head, Contains("Connection: keep-alive"));
    kept.send("GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    CHECK_THAT(kept.receive().head, Contains("Connection: close"));
    CHECK(kept.is_closed());
}

TEST_CASE("requests beyond the limits and those that are not HTTP are refused and cut off") {
    RunningServer server(RunningServer::options("coupon/naive"));
    const auto refused = [&](const std::string& bytes) {
        TestClient client(server.port());
        client.send(bytes);
        const int status = client.receive().status;
        CHECK(client.is_closed());
        return status;
    };
    CHECK(refused("POST /campaigns HTTP/1.1\r\nContent-Length: 20000\r\n\r\n{") == 413);
    CHECK(refused("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n") == 431);
    CHECK(refused("hello\r\n\r\n") == 400);
}

TEST_CASE("a full queue is 503 throttled at once, and what waits is still served") {
    Hold hold;
    auto options = RunningServer::options("coupon/naive");
    options.workers = 1;
    options.queue = 1;
    options.step_hook = hold.at("after_read");
    RunningServer server(options);
    server.create("c-8", 5);
    const std::string head =
        "POST /campaigns/c-8/claims HTTP/1.1\r\nHost: t\r\nContent-Length: 12\r\n\r\n{\"user\":\"";
    TestClient working(server.port());
    working.send(head + "a\"}");
    hold.wait_for(1);
    TestClient one(server.port());
    TestClient other(server.port());
    one.send(head + "b\"}");
    other.send(head + "c\"}");
    // The worker still holds, so whoever is answered now was refused.
    TestClient& refused = TestClient::first_answered(one, other);
    const auto refusal = refused.receive();
    CHECK(refusal.status == 503);
    CHECK(json::parse(refusal.body)["outcome"] == "throttled");
    hold.release();
    CHECK(working.receive().status == 200);
    CHECK((&refused == &one ? other : one).receive().status == 200);
}

TEST_CASE("beyond the most connections new ones are closed") {
    auto options = RunningServer::options("coupon/naive");
    options.front.max_connections = 2;
    RunningServer server(options);
    TestClient one(server.port());
    CHECK(one.request("GET", "/healthz").status == 200);
    TestClient two(server.port());
    CHECK(two.request("GET", "/healthz").status == 200);
    TestClient three(server.port());
    CHECK(three.is_closed());
    CHECK(one.request("GET", "/healthz").status == 200);
}

TEST_CASE("connections that are silent for too long are closed") {
    auto options = RunningServer::options("coupon/naive");
    options.front.idle_timeout = std::chrono::seconds(1);
    options.front.request_timeout = std::chrono::seconds(1);
    RunningServer server(options);
    TestClient silent(server.port());
    TestClient halfway(server.port());
    halfway.send("GET /healthz HT");
    CHECK(silent.is_closed());
    CHECK(halfway.is_closed());
}

TEST_CASE("a stopping server answers what is in work and takes nothing new") {
    Hold hold;
    auto options = RunningServer::options("coupon/naive");
    options.step_hook = hold.at("before_commit");
    auto server = std::make_unique<RunningServer>(options);
    server->create("c-9", 5);
    TestClient working(server->port());
    TestClient idle(server->port());
    CHECK(idle.request("GET", "/healthz").status == 200);
    working.send(
        "POST /campaigns/c-9/claims HTTP/1.1\r\nHost: t\r\nContent-Length: "
        "12\r\n\r\n{\"user\":\"a\"}");
    hold.wait_for(1);
    const auto port = server->port();
    server->server().stop();
    CHECK(idle.is_closed());
    CHECK_THROWS(TestClient(port));
    hold.release();
    const auto answer = working.receive();
    CHECK(answer.status == 200);
    CHECK_THAT(answer.head, Contains("Connection: close"));
    server.reset();
}

TEST_CASE("a taken port and stores that do not answer stop the start with one clear line") {
    RunningServer first(RunningServer::options("coupon/naive"));
    auto options = RunningServer::options("coupon/naive");
    options.front.port = first.port();
    CHECK_THROWS_WITH(Server(options), Contains("choose another port"));
    CHECK_THROWS_AS(Server(options), EnvironmentError);
    options = RunningServer::options("coupon/naive");
    options.redis_url = "redis://:s3cret@127.0.0.1:1";
    CHECK_THROWS_WITH(Server(options), Contains("redis://:***@127.0.0.1:1/0: Connection refused"));
    options = RunningServer::options("coupon/naive");
    options.mysql_url = "mysql://root:s3cret@127.0.0.1:1/x";
    CHECK_THROWS_WITH(Server(options), Contains("mysql://root:***@127.0.0.1:1/x"));
    CHECK_THROWS_AS(Server(options), EnvironmentError);
    options.mysql_url = "postgres://x";
    CHECK_THROWS_AS(Server(options), UsageError);
    options = RunningServer::options("coupon/naive", {"write=sometimes"});
    CHECK_THROWS_AS(Server(options), UsageError);
}
