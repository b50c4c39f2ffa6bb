#include "storm/route.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include "model/error.h"

namespace claimstorm {
namespace {

bool has_settings(const TlsSpec& tls) {
    return !tls.verify || !tls.ca.empty() || !tls.certificate.empty() || !tls.key.empty();
}

bool wants_curl(const TransportSpec& transport) {
    return transport.kind == TransportKind::curl || !transport.proxy.empty() ||
           transport.version == HttpVersion::http3;
}

bool libcurl_has(int feature) {
    return (curl_version_info(CURLVERSION_NOW)->features & feature) != 0;
}

/// What is asked of libcurl and it does not do, or not in this build.
std::string curl_problem(const EndpointSpec& endpoint, BurstGate gate) {
    const TransportSpec& transport = endpoint.transport;
    if (gate != BurstGate::full) {
        return "a gate that holds part of the requests back needs the native transport, and with "
               "it neither a proxy nor HTTP/3: leave the gate out, or those";
    }
    const bool is_secure = parse_base_url(endpoint.base_url).tls;
    if (transport.version == HttpVersion::http2 && !transport.proxy.empty() && !is_secure) {
        return "HTTP/2 goes through a proxy only to an https:// base_url";
    }
    const auto* about = curl_version_info(CURLVERSION_NOW);
    const char* version = about->version;
    constexpr unsigned kReusesPlainHttp2 = 0x080000;  // github.com/curl/curl/issues/10634
    if (transport.version == HttpVersion::http2 && !is_secure &&
        about->version_num < kReusesPlainHttp2) {
        return fmt::format(
            "this libcurl ({}) breaks connections of HTTP/2 without TLS when it uses them again: "
            "leave \"transport\" out, the native one speaks it",
            version);
    }
    if (transport.version == HttpVersion::http2 && !libcurl_has(CURL_VERSION_HTTP2)) {
        return fmt::format("this libcurl ({}) was built without HTTP/2", version);
    }
    if (transport.version != HttpVersion::http3) return {};
    if (!is_secure) return "HTTP/3 needs an https:// base_url";
    if (!transport.proxy.empty() || !transport.unix_socket.empty()) {
        return "HTTP/3 goes neither through a proxy nor to a Unix socket";
    }
    if (!libcurl_has(CURL_VERSION_HTTP3)) {
        return fmt::format(
            "HTTP/3 is spoken through libcurl, and this one ({}) was built without it: ask for "
            "\"http\": \"2\"",
            version);
    }
    return {};
}

}  // namespace

Carrier carrier_of(const EndpointSpec& endpoint, BurstGate gate) {
    if (wants_curl(endpoint.transport)) return Carrier::curl;
    const bool is_http2 =
        gate == BurstGate::single_packet || endpoint.transport.version == HttpVersion::http2;
    return is_http2 ? Carrier::http2 : Carrier::http1;
}

std::string transport_problem(const EndpointSpec& endpoint, BurstGate gate) {
    const TransportSpec& transport = endpoint.transport;
    if (has_settings(transport.tls) && !parse_base_url(endpoint.base_url).tls) {
        return "tls is of no use to a base_url that begins with http://; write https://";
    }
    if (!transport.tls.key.empty() && transport.tls.certificate.empty()) {
        return "tls.key is of no use without tls.certificate";
    }
    if (!transport.proxy.empty() && !transport.unix_socket.empty()) {
        return "a Unix socket is not reached through a proxy: leave out unix_socket or proxy";
    }
    if (wants_curl(transport)) {
        if (transport.kind == TransportKind::native) {
            return "the native transport speaks neither to proxies nor HTTP/3: leave out "
                   "\"transport\", or say \"curl\"";
        }
        return curl_problem(endpoint, gate);
    }
    if (gate == BurstGate::last_byte && transport.version == HttpVersion::http2) {
        return "the gate last-byte is HTTP/1.1's; HTTP/2 has single-packet";
    }
    return {};
}

Route find_route(const EndpointSpec& endpoint, const StormSpec& spec) {
    Route route;
    if (const auto* burst = std::get_if<Burst>(&spec.arrival)) route.gate = burst->gate;
    if (const std::string problem = transport_problem(endpoint, route.gate); !problem.empty()) {
        throw UsageError(problem);
    }
    route.carrier = carrier_of(endpoint, route.gate);
    route.address = parse_base_url(endpoint.base_url);
    route.transport = endpoint.transport;
    const std::string& unix_socket = endpoint.transport.unix_socket;
    if (!unix_socket.empty()) {
        route.target.to = unix_socket_address(unix_socket);
    } else if (endpoint.transport.proxy.empty()) {
        route.target.to = resolve_target(route.address, endpoint.base_url);
    }
    if (route.address.tls) {
        // libcurl makes its own; that the files can be used is seen here all the same.
        route.target.tls =
            std::make_shared<TlsClient>(endpoint.transport.tls, route.address.host,
                                        route.carrier == Carrier::http2 ? "h2" : "http/1.1");
    }
    route.source_names = spec.source_addresses;
    route.sources.reserve(spec.source_addresses.size());
    for (const std::string& text : spec.source_addresses) {
        route.sources.push_back(source_address(text));
        require_usable_source(route.sources.back(), text, route.target.to);
    }
    return route;
}

}  // namespace claimstorm
