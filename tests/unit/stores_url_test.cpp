#include <string>

#include <catch2/catch.hpp>

#include "model/error.h"
#include "stores/url.h"

using namespace claimstorm;
using Catch::Matchers::Contains;

TEST_CASE("a MySQL URL names user, password, host, port and database") {
    const auto address = parse_mysql_url("mysql://bob:s3cret@db.example:3307/shop");
    CHECK(address.user == "bob");
    CHECK(address.password == "s3cret");
    CHECK(address.host == "db.example");
    CHECK(address.port == 3307);
    CHECK(address.database == "shop");
    CHECK(address.socket.empty());
    CHECK(address.tls == MysqlTls::off);
}

TEST_CASE("what a URL leaves out is the local default") {
    const auto mysql = parse_mysql_url("mysql://");
    CHECK(mysql.user == "root");
    CHECK(mysql.host == "127.0.0.1");
    CHECK(mysql.port == 3306);
    CHECK(mysql.database.empty());
    const auto redis = parse_redis_url("redis://");
    CHECK(redis.host == "127.0.0.1");
    CHECK(redis.port == 6379);
    CHECK(redis.database == 0);
    CHECK(redis.user.empty());
}

TEST_CASE("user, password and database are percent-decoded, an '@' in a password is forgiven") {
    const auto address = parse_mysql_url("mysql://b%40b:p%3A%2F%20w@d@[::1]:3306/a%2Db");
    CHECK(address.user == "b@b");
    CHECK(address.password == "p:/ w@d");
    CHECK(address.host == "::1");
    CHECK(address.database == "a-b");
}

TEST_CASE("a MySQL URL may name a socket and TLS") {
    const auto address = parse_mysql_url("mysql://u@/d?socket=%2Frun%2Fm.sock&ssl=verify");
    CHECK(address.socket == "/run/m.sock");
    CHECK(address.tls == MysqlTls::verify);
    CHECK(parse_mysql_url("mysql://h?ssl=required").tls == MysqlTls::required);
}

TEST_CASE("a MySQL URL's TLS is kept in what is shown of it") {
    CHECK(parse_mysql_url("mysql://h?tls=on").tls == MysqlTls::required);
    CHECK(parse_mysql_url("mysql://h?tls=off").tls == MysqlTls::off);
    const auto address = parse_mysql_url("mysql://u:pw@h/d?ca=/etc/a%20b.pem");
    CHECK(address.tls == MysqlTls::verify);
    CHECK(address.ca == "/etc/a b.pem");
    CHECK(to_string(address) == "mysql://u:***@h:3306/d?tls=verify&ca=/etc/a%20b.pem");
    CHECK(parse_mysql_url(to_string(address)).ca == address.ca);
    CHECK(to_string(parse_mysql_url("mysql://h/d?socket=/s&tls=on")) ==
          "mysql://root@/d?socket=/s&tls=on");
}

TEST_CASE("a Redis URL names password, database and, where there is one, the user") {
    const auto address = parse_redis_url("redis://:pw@cache:6380/5");
    CHECK(address.user.empty());
    CHECK(address.password == "pw");
    CHECK(address.host == "cache");
    CHECK(address.port == 6380);
    CHECK(address.database == 5);
    CHECK(parse_redis_url("redis://joe:pw@cache").user == "joe");
    CHECK(parse_redis_url("redis://cache?db=7").database == 7);
    const auto socket = parse_redis_url("redis+unix://:pw@/run/r.sock?db=1");
    CHECK(socket.socket == "/run/r.sock");
    CHECK(socket.password == "pw");
    CHECK(socket.database == 1);
    CHECK(parse_redis_url("unix:///run/r.sock").socket == "/run/r.sock");
}

TEST_CASE("a bad URL is refused with what is wrong and without the password") {
    const auto says = [](auto parse, const char* url, const std::string& what) {
        INFO(url);
        try {
            parse(url);
            FAIL("it was taken");
        } catch (const UsageError& error) {
            CHECK_THAT(error.what(), Contains(what) && !Contains("s3cret"));
        }
    };
    says(parse_mysql_url, "127.0.0.1:3306", "has no scheme");
    says(parse_mysql_url, "redis://:s3cret@h", "has the scheme 'redis'");
    says(parse_mysql_url, "mysql://u:s3cret@h:99999/d", "the port '99999'");
    says(parse_mysql_url, "mysql://u:s3cret@h:0/d", "the port '0'");
    says(parse_mysql_url, "mysql://u:s3cret@h:/d", "the port ''");
    says(parse_mysql_url, "mysql://u:s3cret@h/d?sockte=x", "did you mean 'socket'");
    says(parse_mysql_url, "mysql://u:s3cret@h/d?ssl", "without a value");
    says(parse_mysql_url, "mysql://u:s3cret@h/d?ssl=maybe", "none of off, required, verify");
    says(parse_mysql_url, "mysql://u:s3cret@h/d/e", "more than one database");
    says(parse_mysql_url, "mysql://u:s3cret%zz@h", "two hex digits in its password");
    says(parse_mysql_url, "mysql://u:s3cret%0@h", "two hex digits in its password");
    says(parse_mysql_url, "mysql://u:s3cret%00@h", "zero byte in its password");
    says(parse_mysql_url, "mysql://u:s3cret#1@h", "write it as %23");
    says(parse_mysql_url, "mysql://u:s3/cret@h", "the port 's3'");
    says(parse_redis_url, "redis://s3cret@h", "a user without a password");
    says(parse_redis_url, "rediss://:s3cret@h", "TLS");
    says(parse_redis_url, "redis://:s3cret@h/one", "the database 'one'");
    says(parse_redis_url, "redis://:s3cret@h/-1", "the database '-1'");
    says(parse_redis_url, "unix://", "names no socket");
    says(parse_redis_url, "redis://[::1", "'[' without a ']'");
}

TEST_CASE("a URL shown to people has *** for its password") {
    CHECK(redact_url("mysql://bob:s3cret@h:1/d") == "mysql://bob:***@h:1/d");
    CHECK(redact_url("mysql://bob@h:1/d") == "mysql://bob@h:1/d");
    CHECK(redact_url("redis://:s3cret@h/0") == "redis://:***@h/0");
    CHECK(redact_url("redis://s3cret@h/0") == "redis://***@h/0");
    CHECK(redact_url("redis://h:6379/0") == "redis://h:6379/0");
    CHECK(redact_url("mysql://bob:a@b@h") == "mysql://bob:***@h");
    CHECK(redact_url("mysql://bob:se/cr?et@h") == "mysql://bob:***@h");
    CHECK(to_string(parse_mysql_url("mysql://bob:s3cret@h:1/d")) == "mysql://bob:***@h:1/d");
    CHECK(to_string(parse_mysql_url("mysql://h:1/d?ssl=verify&socket=/s")) ==
          "mysql://root@/d?socket=/s&tls=verify");
    CHECK(to_string(parse_redis_url("redis://:s3cret@[::1]:1/2")) == "redis://:***@[::1]:1/2");
    CHECK(to_string(parse_redis_url("redis://h:1")) == "redis://h:1/0");
    CHECK(to_string(parse_redis_url("unix:///s?db=3")) == "unix:///s?db=3");
}
