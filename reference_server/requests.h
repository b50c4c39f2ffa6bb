#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/campaign.h"

namespace claimstorm::reference {

/// What a path asks for.
struct Route {
    enum class What : std::uint8_t {
        nothing,
        health,
        stats,
        campaigns,
        campaign,
        claims,
        claim,
        close,
        reconcile,
        failpoints,
        failpoint
    } what = What::nothing;
    std::string_view campaign = {};  ///< into the target
    std::string_view claim = {};
    std::string_view step = {};
};

/// Reads a request's target; the query behind a '?' does not count.
Route route_of(std::string_view target);

/// The methods a route offers, as an Allow header lists them; empty for `nothing`.
std::string_view methods_of(Route::What what) noexcept;

/// Whether it is a campaign's id: 1 to 64 of A-Z a-z 0-9 _ -.
bool is_campaign_id(std::string_view id) noexcept;

/// Reads the body of POST /campaigns. Numbers may be written as JSON strings: templates put them
/// so. A missing id is made up. Throws BadRequest.
Campaign read_campaign(std::string_view body);

/// Whether the route offers the method.
bool offers(Route::What what, std::string_view method) noexcept;

/// Reads the body of PUT /failpoints/{step}: {"do": "pause(50ms)@3"}. Throws BadRequest.
std::string read_failpoint(std::string_view body);

/// Reads the user of POST /campaigns/{id}/claims: 1 to 64 bytes; further keys are ignored. Throws
/// BadRequest.
std::string read_claim_user(std::string_view body);

}  // namespace claimstorm::reference
