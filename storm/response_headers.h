#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace claimstorm {

/// The names of the response headers that a target's fields are read from; mostly none.
using HeaderNames = std::vector<std::string>;

bool equal_header_names(std::string_view a, std::string_view b) noexcept;

/// Appends "name: value" and a line break to `kept` when `wanted` has the name. A transport calls
/// this for each header of a final response.
void keep_header(std::string& kept, const HeaderNames& wanted, std::string_view name,
                 std::string_view value);

/// The value of the first header of that name among those kept.
std::optional<std::string_view> kept_header(std::string_view kept, std::string_view name) noexcept;

}  // namespace claimstorm
