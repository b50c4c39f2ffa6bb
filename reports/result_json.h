#pragma once

#include <string>

#include "model/result.h"

namespace claimstorm {

/// result.json, the contract with other programs: indented, keys in a fixed order, one final
/// newline.
std::string result_to_json(const Result& result);

/// Reads `result_to_json`'s text back. Throws UsageError with the place of what is wrong.
Result result_from_json(const std::string& text);

}  // namespace claimstorm
