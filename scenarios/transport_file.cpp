#include "scenarios/transport_file.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fmt/format.h>

#include "scenarios/target_parts.h"
#include "storm/route.h"
#include "storm/socket_address.h"

namespace claimstorm {
namespace {

constexpr std::array<std::string_view, 3> kVersions = {"1.1", "2", "3"};

HttpVersion read_version(const JsonPlace& place) {
    const std::string name = place.string();
    const auto* found = std::find(kVersions.begin(), kVersions.end(), name);
    if (found == kVersions.end()) {
        place.fail(fmt::format("'{}' is not a version; one of \"{}\"", name,
                               fmt::join(kVersions, "\", \"")));
    }
    return static_cast<HttpVersion>(found - kVersions.begin());
}

std::string read_path(const JsonPlace& place, const std::string& folder) {
    // Absolute, so that scenario.json in a run folder means the same file.
    const std::filesystem::path path = place.non_empty_string();
    return std::filesystem::absolute(folder / path).lexically_normal().string();
}

TlsSpec read_tls(const JsonPlace& place, const std::string& folder) {
    place.require_keys({"verify", "ca", "certificate", "key"});
    TlsSpec tls;
    if (const auto verify = place.find("verify")) tls.verify = verify->boolean();
    const auto read = [&](std::string_view key, std::string& path) {
        if (const auto file = place.find(key)) path = read_path(*file, folder);
    };
    read("ca", tls.ca);
    read("certificate", tls.certificate);
    read("key", tls.key);
    return tls;
}

std::string read_proxy(const JsonPlace& place) {
    constexpr std::array<std::string_view, 6> kSchemes = {"http://",    "https://",  "socks4://",
                                                          "socks4a://", "socks5://", "socks5h://"};
    std::string url = place.string();
    const bool is_known = std::any_of(kSchemes.begin(), kSchemes.end(), [&](std::string_view one) {
        return url.starts_with(one) && url.size() > one.size();
    });
    if (!is_known) {
        place.fail(fmt::format("'{}' is not a proxy's URL, such as http://127.0.0.1:3128", url));
    }
    return url;
}

/// "http://user:***@proxy:3128"
std::string without_password(std::string url) {
    const std::size_t begin = url.find("://") + 3;
    const std::size_t at = url.rfind('@');
    const std::size_t colon = url.find(':', begin);
    if (at == std::string::npos || colon == std::string::npos || colon > at) return url;
    return url.replace(colon + 1, at - colon - 1, "***");
}

}  // namespace

const std::vector<std::string_view>& transport_keys() {
    static const std::vector<std::string_view> keys = {"transport", "http", "unix_socket", "proxy",
                                                       "tls"};
    return keys;
}

TransportKind transport_kind_from(const std::string& name, std::string_view where) {
    if (name == "native") return TransportKind::native;
    if (name == "curl") return TransportKind::curl;
    throw UsageError(fmt::format("{}: '{}' is not a transport; native or curl", where, name));
}

void read_transport(const JsonPlace& target, const std::string& folder, EndpointSpec& endpoint) {
    TransportSpec& transport = endpoint.transport;
    if (const auto kind = target.find("transport")) {
        transport.kind = transport_kind_from(kind->string(), kind->where());
    }
    if (const auto version = target.find("http")) transport.version = read_version(*version);
    if (const auto socket = target.find("unix_socket")) {
        transport.unix_socket = read_path(*socket, folder);
        placed(*socket, [&] { unix_socket_address(transport.unix_socket); });
    }
    if (const auto proxy = target.find("proxy")) transport.proxy = read_proxy(*proxy);
    if (const auto tls = target.find("tls")) transport.tls = read_tls(*tls, folder);
    const std::string problem =
        placed(target.at("base_url"), [&] { return transport_problem(endpoint); });
    if (!problem.empty()) target.fail(problem);
}

void add_transport(nlohmann::ordered_json& json, const TransportSpec& transport) {
    const TlsSpec& tls = transport.tls;
    if (transport.kind != TransportKind::chosen) {
        json["transport"] = transport.kind == TransportKind::curl ? "curl" : "native";
    }
    if (transport.version != HttpVersion::http1) {
        json["http"] = kVersions.at(static_cast<std::size_t>(transport.version));
    }
    if (!transport.unix_socket.empty()) json["unix_socket"] = transport.unix_socket;
    if (!transport.proxy.empty()) json["proxy"] = without_password(transport.proxy);
    if (!tls.verify) json["tls"]["verify"] = false;
    if (!tls.ca.empty()) json["tls"]["ca"] = tls.ca;
    if (!tls.certificate.empty()) json["tls"]["certificate"] = tls.certificate;
    if (!tls.key.empty()) json["tls"]["key"] = tls.key;
}

}  // namespace claimstorm
