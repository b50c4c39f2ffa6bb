#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "reference_server/flows.h"

namespace claimstorm::reference {

/// A complete target file for a server of this flow: how it is reached, how its answers are read,
/// how a campaign is prepared, where the flow leaves its evidence, and when its locks expire. The
/// URLs of the stores are those given, passwords included: it is for the program that started the
/// server.
nlohmann::ordered_json make_target_file(const std::string& base_url, const FlowEntry& entry,
                                        const Flow& flow, const FlowOptions& options,
                                        std::string_view mysql_url, std::string_view redis_url);

}  // namespace claimstorm::reference
