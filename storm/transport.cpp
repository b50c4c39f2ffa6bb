#include "storm/transport.h"

#include "storm/h2_connection.h"
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

class H2Transport final : public Transport {
  public:
    H2Transport(const Route& route, EventLoop& loop, std::size_t first_connection)
        : loop_(loop), sessions_(loop, route.target, route.sources, first_connection) {}

    std::unique_ptr<Connection> make_connection(ExchangeListener& listener) override {
        return std::make_unique<H2Connection>(loop_, sessions_, listener);
    }

    /// One write a session, which carries the ends of all its streams.
    void release(const std::vector<Connection*>& loaded) override {
        for (const auto& session : sessions_.all()) session->freshen();
        for (Connection* connection : loaded) static_cast<H2Connection*>(connection)->load();
        for (const auto& session : sessions_.all()) session->flush();
    }

  private:
    EventLoop& loop_;
    H2Sessions sessions_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(const Route& route, EventLoop& loop,
                                          std::size_t first_connection) {
    if (route.carrier == Carrier::http2) {
        return std::make_unique<H2Transport>(route, loop, first_connection);
    }
    return std::make_unique<Http1Transport>(route, loop, first_connection);
}

}  // namespace claimstorm
