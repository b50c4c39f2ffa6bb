#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace claimstorm {

/// Whether the connection to MySQL is encrypted.
enum class MysqlTls : std::uint8_t {
    off,
    required,  ///< encrypted, the server's certificate is not checked
    verify,    ///< encrypted, the certificate must be valid for the host
};

/// Where a MySQL or MariaDB is and who asks.
struct MysqlAddress {
    std::string user = "root";
    std::string password;
    std::string host = "127.0.0.1";
    std::uint16_t port = 3306;
    std::string database;  ///< may be empty: no database chosen
    std::string socket;    ///< path of a unix socket; when set, host and port are not used
    MysqlTls tls = MysqlTls::off;
    std::string ca;  ///< file of the authority that `verify` trusts; empty: the system's

    friend bool operator==(const MysqlAddress&, const MysqlAddress&) = default;
};

/// Where a Redis is and who asks.
struct RedisAddress {
    std::string user;  ///< empty: the default user, AUTH with the password alone
    std::string password;
    std::string host = "127.0.0.1";
    std::uint16_t port = 6379;
    std::string socket;  ///< path of a unix socket; when set, host and port are not used
    std::int64_t database = 0;

    friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

/// `mysql://user:password@host:port/database?socket=/path&tls=off|on|verify&ca=/file.pem`.
/// Everything but the scheme may be left out; user, password, database, socket and ca may be
/// percent-encoded. A `ca` alone means `tls=verify`. The older `ssl=off|required|verify` is `tls`.
/// Throws UsageError, the password never in it.
MysqlAddress parse_mysql_url(std::string_view url);

/// `redis://user:password@host:port/database`, or `unix:///path?db=1` (also `redis+unix://`).
/// `redis://password@host` is refused as ambiguous: write `redis://:password@host`.
/// Throws UsageError, the password never in it.
RedisAddress parse_redis_url(std::string_view url);

/// The address as a URL for people: the password, if there is one, is `***`.
std::string to_string(const MysqlAddress& address);
std::string to_string(const RedisAddress& address);

/// Any URL's text with the password replaced by `***`, also when the URL is malformed: then rather
/// more than the password is hidden than a part of it shown.
std::string redact_url(std::string_view url);

}  // namespace claimstorm
