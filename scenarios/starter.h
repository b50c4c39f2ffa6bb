#pragma once

#include <string>
#include <string_view>

namespace claimstorm {

/// A commented target file to start from, for a service at `base_url`, which is the only host that
/// may be stormed. Throws UsageError for what is no base URL.
std::string starter_target(std::string_view base_url);

/// A commented scenario of that name beside it, whose target is the file `target_file`.
std::string starter_scenario(std::string_view name, std::string_view target_file);

/// The same in one document, the target inside the scenario.
std::string starter_document(std::string_view name, std::string_view base_url);

}  // namespace claimstorm
