#include "stores/url.h"

#include <charconv>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm {
namespace {

/// A URL cut at its delimiters, nothing decoded but `user`, `password`, `path` and the query.
struct UrlParts {
    std::string scheme;
    std::string user;
    bool has_password = false;
    std::string password;
    std::string host;
    std::optional<std::uint16_t> port;
    std::string path;  // with its leading '/', or empty
    std::string_view query;
};

/// Splits one URL; every refusal names the URL without its password and what form is wanted.
class UrlReader {
  public:
    UrlReader(std::string_view url, std::string_view wanted) : url_(url), wanted_(wanted) {}

    UrlParts read() const {
        UrlParts parts;
        const auto scheme_end = url_.find("://");
        if (scheme_end == std::string_view::npos) refuse("has no scheme");
        parts.scheme = url_.substr(0, scheme_end);
        std::string_view rest = url_.substr(scheme_end + 3);
        if (rest.find('#') != std::string_view::npos) {
            refuse("has a '#'; in a password write it as %23");
        }
        if (const auto query = rest.find('?'); query != std::string_view::npos) {
            parts.query = rest.substr(query + 1);
            rest = rest.substr(0, query);
        }
        const auto slash = rest.find('/');
        if (slash != std::string_view::npos) parts.path = decode(rest.substr(slash), "path");
        read_authority(rest.substr(0, slash), parts);
        return parts;
    }

    /// Calls `take(name, value)` for each query parameter, the value decoded.
    void for_each_parameter(
        std::string_view query,
        const std::function<void(std::string_view, const std::string&)>& take) const {
        while (!query.empty()) {
            const auto end = query.find('&');
            const std::string_view one = query.substr(0, end);
            query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
            const auto equals = one.find('=');
            if (equals == std::string_view::npos) {
                refuse(fmt::format("has a parameter '{}' without a value", one));
            }
            take(one.substr(0, equals), decode(one.substr(equals + 1), one.substr(0, equals)));
        }
    }

    [[noreturn]] void refuse(const std::string& why) const {
        throw UsageError(fmt::format("the URL '{}' {}; write {}", redact_url(url_), why, wanted_));
    }

  private:
    void read_authority(std::string_view authority, UrlParts& parts) const {
        // The last '@': one that belongs to the password should be %40, but is often not.
        if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
            const std::string_view who = authority.substr(0, at);
            const auto colon = who.find(':');
            parts.user = decode(who.substr(0, colon), "user");
            if (colon != std::string_view::npos) {
                parts.has_password = true;
                parts.password = decode(who.substr(colon + 1), "password");
            }
            authority = authority.substr(at + 1);
        }
        std::string_view port;
        if (!authority.empty() && authority.front() == '[') {  // an IPv6 literal
            const auto end = authority.find(']');
            if (end == std::string_view::npos) refuse("has a '[' without a ']'");
            parts.host = authority.substr(1, end - 1);
            port = authority.substr(end + 1);
            if (!port.empty() && port.front() != ':') refuse("has text behind the ']'");
        } else {
            const auto colon = authority.find(':');
            parts.host = authority.substr(0, colon);
            if (colon != std::string_view::npos) port = authority.substr(colon);
        }
        if (!port.empty()) parts.port = read_port(port.substr(1));
    }

    std::uint16_t read_port(std::string_view text) const {
        std::uint16_t port = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
        if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
            refuse(fmt::format("has the port '{}', which is not a number from 1 to 65535", text));
        }
        return port;
    }

    std::string decode(std::string_view text, std::string_view what) const {
        std::string decoded;
        decoded.reserve(text.size());
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] != '%') {
                decoded += text[i];
                continue;
            }
            unsigned value = 0;
            const std::string_view digits = text.substr(i + 1, 2);
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
            if (error != std::errc{} || end != digits.data() + 2) {
                refuse(fmt::format("has a '%' without two hex digits in its {}", what));
            }
            decoded += static_cast<char>(value);
            i += 2;
        }
        // A NUL would cut the text short in the C libraries below.
        if (decoded.find('\0') != std::string::npos) {
            refuse(fmt::format("has a zero byte in its {}", what));
        }
        return decoded;
    }

    std::string_view url_;
    std::string_view wanted_;
};

std::string encode(std::string_view text) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    std::string encoded;
    for (const char c : text) {
        if (kPlain.find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return encoded;
}

std::string who(std::string_view user, std::string_view password) {
    if (user.empty() && password.empty()) return "";
    return encode(user) + (password.empty() ? "@" : ":***@");
}

std::string where(std::string_view host, std::uint16_t port) {
    const bool ipv6 = host.find(':') != std::string_view::npos;
    return ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

MysqlTls tls_named(const UrlReader& reader, std::string_view name, const std::string& value) {
    if (value == "off") return MysqlTls::off;
    if (value == "on" || value == "required") return MysqlTls::required;
    if (value == "verify") return MysqlTls::verify;
    reader.refuse(fmt::format("has {}={}, which is none of off, {}, verify", name, value,
                              name == "ssl" ? "required" : "on"));
}

}  // namespace

MysqlAddress parse_mysql_url(std::string_view url) {
    const UrlReader reader(url, "mysql://user:password@host:port/database");
    const UrlParts parts = reader.read();
    if (parts.scheme != "mysql" && parts.scheme != "mariadb") {
        reader.refuse(fmt::format("has the scheme '{}'", parts.scheme));
    }
    MysqlAddress address;
    if (!parts.user.empty()) address.user = parts.user;
    address.password = parts.password;
    if (!parts.host.empty()) address.host = parts.host;
    if (parts.port) address.port = *parts.port;
    if (parts.path.size() > 1) address.database = parts.path.substr(1);
    if (address.database.find('/') != std::string::npos) {
        reader.refuse("names more than one database");
    }
    std::optional<MysqlTls> tls;
    reader.for_each_parameter(parts.query, [&](std::string_view name, const std::string& value) {
        if (name == "socket") {
            address.socket = value;
        } else if (name == "ca") {
            address.ca = value;
        } else if (name == "tls" || name == "ssl") {
            tls = tls_named(reader, name, value);
        } else {
            const auto meant = did_you_mean(name, {"socket", "tls", "ca"});
            reader.refuse(fmt::format("has an unknown parameter '{}'{}", name,
                                      meant ? fmt::format(" (did you mean '{}'?)", *meant) : ""));
        }
    });
    address.tls = tls.value_or(address.ca.empty() ? MysqlTls::off : MysqlTls::verify);
    if (!address.ca.empty() && address.tls != MysqlTls::verify) {
        reader.refuse("names a ca and does not verify: with ca goes tls=verify");
    }
    return address;
}

RedisAddress parse_redis_url(std::string_view url) {
    const UrlReader reader(url, "redis://user:password@host:port/database");
    const UrlParts parts = reader.read();
    if (parts.scheme == "rediss") {
        reader.refuse("asks for TLS, which is not offered: put a TLS proxy such as stunnel before");
    }
    const bool is_socket = parts.scheme == "unix" || parts.scheme == "redis+unix";
    if (parts.scheme != "redis" && !is_socket) {
        reader.refuse(fmt::format("has the scheme '{}'", parts.scheme));
    }
    if (!parts.user.empty() && !parts.has_password) {
        reader.refuse("has a user without a password (a password alone is :password@)");
    }
    RedisAddress address;
    address.user = parts.user;
    address.password = parts.password;
    std::string database = parts.path.size() > 1 ? parts.path.substr(1) : "";
    if (is_socket) {
        if (!parts.host.empty()) reader.refuse("has a host before the socket's path");
        if (database.empty()) reader.refuse("names no socket");
        address.socket = parts.path;
        database.clear();
    } else {
        if (!parts.host.empty()) address.host = parts.host;
        if (parts.port) address.port = *parts.port;
    }
    reader.for_each_parameter(parts.query, [&](std::string_view name, const std::string& value) {
        if (name != "db") reader.refuse(fmt::format("has an unknown parameter '{}'", name));
        database = value;
    });
    if (!database.empty()) {
        const char* end = database.data() + database.size();
        const auto [stop, error] = std::from_chars(database.data(), end, address.database);
        if (error != std::errc{} || stop != end || address.database < 0) {
            reader.refuse(fmt::format("has the database '{}', which is no number", database));
        }
    }
    return address;
}

std::string to_string(const MysqlAddress& address) {
    std::string url = "mysql://" + who(address.user, address.password) +
                      (address.socket.empty() ? where(address.host, address.port) : "") + "/" +
                      encode(address.database);
    char before = '?';
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        url += fmt::format("{}{}={}", before, name, encode(value));
        before = '&';
    };
    add("socket", address.socket);
    if (address.tls != MysqlTls::off) {
        add("tls", address.tls == MysqlTls::verify ? "verify" : "on");
    }
    add("ca", address.ca);
    return url;
}

std::string to_string(const RedisAddress& address) {
    const std::string login = who(address.user, address.password);
    if (!address.socket.empty()) {
        return fmt::format("unix://{}{}?db={}", login, encode(address.socket), address.database);
    }
    return fmt::format("redis://{}{}/{}", login, where(address.host, address.port),
                       address.database);
}

std::string redact_url(std::string_view url) {
    const auto scheme_end = url.find("://");
    const std::size_t start = scheme_end == std::string_view::npos ? 0 : scheme_end + 3;
    std::string_view authority = url.substr(start, url.substr(start).find_first_of("/?#"));
    // Without an '@' where it belongs, one further on means a password with a '/' in it.
    if (authority.rfind('@') == std::string_view::npos) authority = url.substr(start);
    const auto at = authority.rfind('@');
    if (at == std::string_view::npos) return std::string(url);
    const auto colon = authority.substr(0, at).find(':');
    if (colon != std::string_view::npos) {
        return fmt::format("{}***{}", url.substr(0, start + colon + 1), url.substr(start + at));
    }
    // redis://secret@host: people do write the password alone, and MySQL's users are no secret.
    if (url.starts_with("mysql") || url.starts_with("mariadb")) return std::string(url);
    return fmt::format("{}***{}", url.substr(0, start), url.substr(start + at));
}

}  // namespace claimstorm
