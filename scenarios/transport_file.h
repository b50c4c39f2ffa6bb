#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "scenarios/json_place.h"
#include "storm/spec.h"

namespace claimstorm {

/// The keys of a target that say how its address is talked to.
const std::vector<std::string_view>& transport_keys();

/// Reads them out of the target. The files of tls and the Unix socket are looked for from `folder`.
/// Throws UsageError, too, when nobody speaks what they ask for; `endpoint.base_url` must be there.
void read_transport(const JsonPlace& target, const std::string& folder, EndpointSpec& endpoint);

/// "native" or "curl". Throws UsageError that names `where`.
TransportKind transport_kind_from(const std::string& name, std::string_view where);

/// Adds what differs from the defaults; a password in the proxy's URL as `***`.
void add_transport(nlohmann::ordered_json& json, const TransportSpec& transport);

}  // namespace claimstorm
