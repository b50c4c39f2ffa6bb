#include "storm/address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
    throw UsageError(fmt::format("base_url '{}': {}; write it as http://127.0.0.1:8080", url, why));
}

std::uint16_t parse_port(std::string_view url, std::string_view text) {
    unsigned port = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || rest != text.data() + text.size() || port == 0 || port > 65535) {
        refuse(url, fmt::format("'{}' is not a port from 1 to 65535", text));
    }
    return static_cast<std::uint16_t>(port);
}

bool is_loopback(const std::string& host) {
    if (host == "localhost") return true;
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    return !error && address.is_loopback();
}

}  // namespace

std::string HttpAddress::host_header() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

std::string HttpAddress::origin() const {
    return fmt::format("{}://{}", tls ? "https" : "http", host_header());
}

HttpAddress parse_base_url(std::string_view url) {
    HttpAddress address;
    address.tls = url.starts_with("https://");
    if (!address.tls && !url.starts_with("http://")) {
        refuse(url, "it starts with neither http:// nor https://");
    }
    if (address.tls) address.port = 443;
    std::string_view rest = url.substr(url.find("//") + 2);
    if (rest.find_first_of(" \t\r\n?#") != std::string_view::npos) {
        refuse(url, "it has a query, a fragment or white space in it");
    }
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos) {
        address.path_prefix = rest.substr(slash);
        while (address.path_prefix.ends_with('/')) address.path_prefix.pop_back();
        rest = rest.substr(0, slash);
    }
    if (rest.find('@') != std::string_view::npos) {
        refuse(url, "a user name belongs into an Authorization header");
    }
    std::string_view host = rest;
    std::optional<std::string_view> port;
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos) refuse(url, "the ']' behind the address is missing");
        host = rest.substr(1, end - 1);
        if (rest.size() > end + 1) {
            if (rest[end + 1] != ':') refuse(url, "only ':PORT' may stand behind ']'");
            port = rest.substr(end + 2);
        }
    } else if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
        host = rest.substr(0, colon);
        port = rest.substr(colon + 1);
    }
    if (host.empty()) refuse(url, "the host is missing");
    address.host = host;
    if (port) address.port = parse_port(url, *port);
    return address;
}

void require_allowed_host(const HttpAddress& address, const std::vector<std::string>& hosts_allowed,
                          bool is_unix_socket) {
    if (hosts_allowed.empty()) {
        if (is_unix_socket || is_loopback(address.host)) return;
        throw UsageError(fmt::format(
            "the host '{0}' is not this machine; a storm at another host must be allowed: add "
            "\"hosts_allowed\": [\"{0}\"] to the target file",
            address.host));
    }
    if (std::find(hosts_allowed.begin(), hosts_allowed.end(), address.host) !=
        hosts_allowed.end()) {
        return;
    }
    throw UsageError(
        fmt::format("base_url: the host '{}' is not in hosts_allowed ({}); no storm is fired at it",
                    address.host, fmt::join(hosts_allowed, ", ")));
}

}  // namespace claimstorm
