#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// A base URL taken apart: "http://127.0.0.1:3000/shop".
struct HttpAddress {
    bool tls = false;         ///< https://
    std::string host;         ///< without the brackets of an IPv6 address
    std::uint16_t port = 80;  ///< 443 when https:// names none
    std::string path_prefix;  ///< "/shop"; empty for none; never ends in '/'

    std::string host_header() const;  ///< "127.0.0.1:3000", "[::1]:3000", "example.test"
    std::string origin() const;       ///< "https://example.test", as libcurl wants it
};

/// Throws UsageError for anything but http[s]://HOST[:PORT][/PATH].
HttpAddress parse_base_url(std::string_view url);

/// A storm is only fired at hosts the target file allows; without a list, at this machine only: at
/// loopback, or at a Unix socket whatever the host is called. Compares names as written, without
/// resolving them. Throws UsageError.
void require_allowed_host(const HttpAddress& address, const std::vector<std::string>& hosts_allowed,
                          bool is_unix_socket = false);

}  // namespace claimstorm
