#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storm/address.h"
#include "storm/byte_stream.h"
#include "storm/spec.h"

namespace claimstorm {

/// Who carries the exchanges of a storm.
enum class Carrier : std::uint8_t { http1, http2, curl };

/// Who speaks what the endpoint asks for, with this gate. Precondition: `transport_problem` has
/// none to tell.
Carrier carrier_of(const EndpointSpec& endpoint, BurstGate gate);

/// Why nobody here speaks what the endpoint asks for, with this gate; empty when somebody does.
std::string transport_problem(const EndpointSpec& endpoint, BurstGate gate = BurstGate::full);

/// How a storm reaches its target: found out once, shared by all workers, only read.
struct Route {
    Carrier carrier = Carrier::http1;
    StreamTarget target;                 ///< of the native transports, and of curl without a proxy
    std::vector<SocketAddress> sources;  ///< empty: the system's choice
    BurstGate gate = BurstGate::full;

    // What libcurl does for itself.
    HttpAddress address;
    TransportSpec transport;
    std::vector<std::string> source_names;
};

/// Throws UsageError for what no transport speaks, for files of TLS that cannot be used and for a
/// source address that this machine does not have, EnvironmentError for a host that cannot be
/// resolved. Sends nothing, but for a look at which of several addresses takes connections.
Route find_route(const EndpointSpec& endpoint, const StormSpec& spec);

}  // namespace claimstorm
