#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace claimstorm {

enum class CampaignKind : std::uint8_t { coupon, envelope };

/// One event with a stock: a batch of coupons, or red envelopes that share a budget.
struct Campaign {
    std::string id;  ///< what `{campaign}` stands for in a target file
    CampaignKind kind = CampaignKind::coupon;
    std::int64_t stock = 0;
    std::int64_t per_user = 1;
    std::optional<std::int64_t> budget_cents;  ///< envelopes: what all of them add up to
    std::int64_t min_cents = 1;                ///< what each amount has at least
    bool whole_budget = false;      ///< once the whole stock went, the whole budget must have gone
    bool gap_free_tickets = false;  ///< no number may be left out among the tickets
    bool ordered_tickets = false;   ///< numbers go up in the order in which claims are served
    /// Whoever has claimed is told so, even when nothing is left: never "sold out".
    bool duplicates_first = false;
};

}  // namespace claimstorm
