#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "stores/redis.h"
#include "tests/support/dropping_proxy.h"
#include "tests/support/shared_lab.h"

using namespace claimstorm;
using Catch::Matchers::Contains;

namespace {

RedisAddress lab_redis() {
    return parse_redis_url(shared_lab().redis_url());
}

template <typename Body>
RedisError error_of(Body body) {
    try {
        body();
    } catch (const RedisError& error) {
        return error;
    }
    FAIL("no RedisError was thrown");
    throw std::logic_error("unreachable");
}

}  // namespace

TEST_CASE("each kind of answer keeps its type") {
    RedisConnection redis(lab_redis());
    redis.command({"DEL", "k", "set"});
    CHECK(redis.command({"GET", "k"}).is_nil());
    const Reply set = redis.command({"SET", "k", "41"});
    CHECK(set.type() == Reply::Type::status);
    CHECK(set.text() == "OK");
    CHECK(redis.command({"INCR", "k"}).type() == Reply::Type::integer);
    const Reply got = redis.command({"GET", "k"});
    CHECK(got.type() == Reply::Type::string);
    CHECK(got.integer() == 42);
    redis.command({"SADD", "set", "a"});
    const Reply members = redis.command({"SMEMBERS", "set"});
    REQUIRE(members.elements().size() == 1);
    CHECK(members.elements()[0].text() == "a");
    CHECK(redis.command({"EVAL", "return {1, {false, 'x'}}", "0"})
              .elements()[1]
              .elements()[0]
              .is_nil());
}

TEST_CASE("arguments and answers are any bytes") {
    RedisConnection redis(lab_redis());
    const std::string bytes("a\0\r\n\xff $b", 8);
    redis.command({"SET", bytes, bytes});
    CHECK(redis.command({"GET", bytes}).text() == bytes);
    redis.command({"SET", "empty", ""});
    CHECK(redis.command({"GET", "empty"}).text().empty());
}

TEST_CASE("an answer of another type than asked for is an error that names both") {
    RedisConnection redis(lab_redis());
    redis.command({"SET", "word", "x"});
    CHECK_THROWS_WITH(redis.command({"GET", "word"}).integer(),
                      "Redis answered a string where an integer is needed");
    CHECK_THROWS_WITH(redis.command({"GET", "missing"}).text(),
                      "Redis answered nil where a string is needed");
    CHECK_THROWS_WITH(redis.command({"GET", "word"}).elements(), Contains("an array"));
    CHECK(error_of([&] {
              redis.command({"GET", "word"}).integer();
          }).kind() == RedisError::Kind::unexpected);
}

TEST_CASE("an error answer is thrown with its code, and the connection stays usable") {
    RedisConnection redis(lab_redis());
    redis.command({"SET", "word", "x"});
    const auto error = error_of([&] { redis.command({"INCR", "word"}); });
    CHECK(error.kind() == RedisError::Kind::refused);
    CHECK(error.code() == "ERR");
    CHECK_THAT(error.what(), Contains("not an integer") && Contains("to: INCR"));
    CHECK(error_of([&] { redis.command({"LPUSH", "word", "x"}); }).code() == "WRONGTYPE");
    CHECK_FALSE(is_connection_lost(error));
    CHECK(redis.command({"PING"}).text() == "PONG");
}

TEST_CASE("a pipeline answers in order, errors among the answers") {
    RedisConnection redis(lab_redis());
    redis.append({"SET", "p", "1"});
    redis.append({"LPUSH", "p", "x"});
    redis.append({"INCR", "p"});
    CHECK_THROWS_AS(redis.command({"PING"}), std::logic_error);
    const auto replies = redis.flush();
    REQUIRE(replies.size() == 3);
    CHECK(replies[0].text() == "OK");
    CHECK(replies[1].is_error());
    CHECK(replies[2].integer() == 2);
    CHECK(redis.flush().empty());
}

TEST_CASE("a scan gives every member of a set, and the connection is free again") {
    RedisConnection redis(lab_redis());
    redis.command({"DEL", "scanned"});
    constexpr int kMembers = 10'000;
    for (int i = 0; i < kMembers; ++i) redis.append({"SADD", "scanned", std::to_string(i)});
    redis.flush();
    std::set<std::string> seen;
    redis.scan({"SSCAN", "scanned", "0", "COUNT", "100"}, 2,
               [&](std::string_view member) { seen.emplace(member); });
    CHECK(seen.size() == kMembers);
    CHECK(redis.command({"SCARD", "scanned"}).integer() == kMembers);
}

TEST_CASE("a scan that is broken off, or refused, leaves the connection usable") {
    RedisConnection redis(lab_redis());
    redis.command({"DEL", "scanned", "text"});
    for (int i = 0; i < 2000; ++i) redis.append({"SADD", "scanned", std::to_string(i)});
    redis.flush();
    CHECK_THROWS_AS(redis.scan({"SSCAN", "scanned", "0", "COUNT", "10"}, 2,
                               [](std::string_view) { throw std::runtime_error("enough"); }),
                    std::runtime_error);
    CHECK(redis.command({"SCARD", "scanned"}).integer() == 2000);
    redis.command({"SET", "text", "x"});
    const auto scan_text = [&] { redis.scan({"SSCAN", "text", "0"}, 2, [](auto) {}); };
    CHECK(error_of(scan_text).code() == "WRONGTYPE");
    const auto get_text = [&] { redis.scan({"GET", "text"}, 1, [](auto) {}); };
    CHECK_THROWS_AS(get_text(), RedisError);
}

TEST_CASE("the URL's database is the one that is used") {
    RedisAddress second = lab_redis();
    second.database = 3;
    RedisConnection three(second);
    three.command({"SET", "only-here", "1"});
    RedisConnection zero(lab_redis());
    CHECK(zero.command({"EXISTS", "only-here"}).integer() == 0);
    CHECK(three.command({"EXISTS", "only-here"}).integer() == 1);
}

TEST_CASE("a script the server does not have is sent once and then known") {
    RedisConnection redis(lab_redis());
    const Script script("return {KEYS[1], ARGV[1]}");
    CHECK(script.sha1().size() == 40);
    redis.command({"SCRIPT", "FLUSH"});
    CHECK(redis.command({"SCRIPT", "EXISTS", script.sha1()}).elements()[0].integer() == 0);
    CHECK(script.run(redis, {"k"}, {"v"}).elements()[1].text() == "v");
    CHECK(redis.command({"SCRIPT", "EXISTS", script.sha1()}).elements()[0].integer() == 1);
    CHECK(script.run(redis, {"k"}, {"w"}).elements()[1].text() == "w");
}

TEST_CASE("a script's own error is thrown") {
    RedisConnection redis(lab_redis());
    const Script script("return redis.error_reply('SOLD out')");
    CHECK(error_of([&] { script.run(redis, {}, {}); }).code() == "SOLD");
    CHECK(redis.is_usable());
}

TEST_CASE("Redis: a connection the server ended is lost, and stays lost") {
    RedisConnection redis(lab_redis());
    RedisConnection killer(lab_redis());
    const auto id = redis.command({"CLIENT", "ID"}).integer();
    killer.command({"CLIENT", "KILL", "ID", std::to_string(id)});
    CHECK(is_connection_lost(error_of([&] { redis.command({"PING"}); })));
    CHECK_FALSE(redis.is_usable());
    CHECK(is_connection_lost(error_of([&] { redis.command({"PING"}); })));
}

TEST_CASE("a lost reply is a lost connection, whether or not the command took effect") {
    const auto address = lab_redis();
    DroppingProxy proxy(address.port);
    RedisAddress through = address;
    through.port = proxy.port();
    RedisConnection direct(address);
    direct.command({"SET", "n", "0"});
    for (const auto when :
         {DroppingProxy::When::before_effect, DroppingProxy::When::after_effect}) {
        RedisConnection redis(through);
        proxy.arm("INCR", when);
        CHECK(is_connection_lost(error_of([&] { redis.command({"INCR", "n"}); })));
    }
    CHECK(direct.command({"GET", "n"}).integer() == 1);
}

TEST_CASE("Redis: an answer that does not come in time is a lost connection") {
    RedisOptions options;
    options.io_timeout = std::chrono::milliseconds(50);
    RedisConnection redis(lab_redis(), options);
    redis.command({"DEL", "never"});
    const auto error = error_of([&] { redis.command({"BLPOP", "never", "20"}); });
    CHECK(is_connection_lost(error));
    CHECK_THAT(error.what(), Contains("during BLPOP: no answer in time"));
}

TEST_CASE("Redis: who cannot connect learns it in one line, without the password") {
    const auto says = [](const RedisAddress& address, const std::string& what) {
        const auto error = error_of([&] { RedisConnection connection(address); });
        CHECK_THAT(error.what(), Contains(what) && !Contains("s3cret"));
        CHECK(std::string(error.what()).find('\n') == std::string::npos);
        CHECK(error.exit_status() == 3);
    };
    RedisAddress address = lab_redis();
    address.password = "s3cret";
    says(address, "check the URL's user, password and database");
    address = lab_redis();
    address.password.clear();
    says(address, "NOAUTH");
    address = lab_redis();
    address.database = 99;
    says(address, "DB index is out of range");
    address.port = 1;
    says(address, "is the server running there?");
    address.socket = "/nonexistent/redis.sock";
    says(address, "is the server running there?");
}

TEST_CASE("one script serves the connections of many threads") {
    const auto address = lab_redis();
    const Script increment("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    RedisConnection redis(address);
    redis.command({"SET", "sum", "0"});
    redis.command({"SCRIPT", "FLUSH"});
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            RedisConnection mine(address);
            for (int k = 0; k < 100; ++k) increment.run(mine, {"sum"}, {"1"});
        });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(redis.command({"GET", "sum"}).integer() == 800);
}
