#pragma once

#include <string_view>

namespace claimstorm::reference {

/// The comment at the head of the flow's file, without its slashes: the steps, what the flow
/// follows, what it guarantees, what breaks it. `flow` is its name ("coupon/lua-gate", whose file
/// is flows/coupon_lua_gate.cpp); empty when there is no such file.
std::string_view flow_head(std::string_view flow) noexcept;

}  // namespace claimstorm::reference
