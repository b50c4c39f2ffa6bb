#include "storm/transport.h"

#include "storm/address.h"
#include "storm/http1_connection.h"

namespace claimstorm {
namespace {

class Http1Transport final : public Transport {
  public:
    Http1Transport(const Route& route, EventLoop& loop, std::size_t first_connection)
        : route_(route), loop_(loop), next_(first_connection) {}

    std::unique_ptr<Connection> make_connection(ExchangeListener& listener) override {
        const SocketAddress* source = nullptr;
        if (!route_.sources.empty()) source = &route_.sources[next_ % route_.sources.size()];
        ++next_;
        return std::make_unique<Http1Connection>(loop_, route_.target, source, listener);
    }

  private:
    const Route& route_;
    EventLoop& loop_;
    std::size_t next_;
};

}  // namespace

Route find_route(const EndpointSpec& endpoint, const StormSpec& spec) {
    Route route;
    const HttpAddress address = parse_base_url(endpoint.base_url);
    const std::string& unix_socket = endpoint.transport.unix_socket;
    route.target.to = unix_socket.empty() ? resolve_target(address, endpoint.base_url)
                                          : unix_socket_address(unix_socket);
    if (address.tls) {
        route.target.tls =
            std::make_shared<TlsClient>(endpoint.transport.tls, address.host, "http/1.1");
    }
    route.sources.reserve(spec.source_addresses.size());
    for (const std::string& text : spec.source_addresses) {
        route.sources.push_back(source_address(text));
        require_usable_source(route.sources.back(), text, route.target.to);
    }
    if (const auto* burst = std::get_if<Burst>(&spec.arrival)) route.gate = burst->gate;
    return route;
}

std::unique_ptr<Transport> make_transport(const Route& route, EventLoop& loop,
                                          std::size_t first_connection) {
    return std::make_unique<Http1Transport>(route, loop, first_connection);
}

}  // namespace claimstorm
