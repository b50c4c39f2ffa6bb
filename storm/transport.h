#pragma once

#include <memory>
#include <vector>

#include "storm/connection.h"
#include "storm/route.h"

namespace claimstorm {

/// One worker's connections to the target.
class Transport {
  public:
    Transport() = default;
    virtual ~Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Neither opened nor used before. The transport must outlive it.
    virtual std::unique_ptr<Connection> make_connection(ExchangeListener& listener) = 0;

    /// The release: sends what these connections hold or have loaded, in as few writes as it can.
    virtual void release(const std::vector<Connection*>& loaded) {
        for (Connection* connection : loaded) connection->send();
    }
};

/// `first_connection`: the number of the worker's first connection among all of the storm's.
/// `route` and `loop` must outlive the transport.
std::unique_ptr<Transport> make_transport(const Route& route, EventLoop& loop,
                                          std::size_t first_connection);

}  // namespace claimstorm
