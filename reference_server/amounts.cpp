#include "reference_server/amounts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include <fmt/format.h>

#include "reference_server/flow.h"

namespace claimstorm::reference {
namespace {

using Amounts = std::vector<std::int64_t>;

constexpr std::array<std::string_view, 4> kNames = {"double-mean", "line-cut", "float-shares",
                                                    "repeated-cuts"};

std::int64_t draw(std::mt19937_64& random, std::int64_t first, std::int64_t last) {
    return std::uniform_int_distribution<std::int64_t>(first, last)(random);
}

std::size_t size_of(std::int64_t count) {
    return static_cast<std::size_t>(count);
}

Amounts double_mean(std::int64_t total, std::int64_t count, std::mt19937_64& random) {
    Amounts amounts;
    amounts.reserve(size_of(count));
    std::int64_t rest = total;
    for (std::int64_t left = count; left > 0; --left) {
        amounts.push_back(draw_double_mean(rest, left, random));
        rest -= amounts.back();
    }
    return amounts;
}

/// `count` distinct numbers from 1 to `last`, sorted, each such set with the same probability:
/// nothing here treats one number otherwise than another. Precondition: 2 * count <= last, so that
/// each round finds at least half of what is missing, on average.
Amounts few_distinct(std::int64_t count, std::int64_t last, std::mt19937_64& random) {
    Amounts chosen;
    chosen.reserve(size_of(count));
    while (chosen.size() < size_of(count)) {
        const auto known = static_cast<std::ptrdiff_t>(chosen.size());
        while (chosen.size() < size_of(count)) chosen.push_back(draw(random, 1, last));
        std::sort(chosen.begin() + known, chosen.end());
        std::inplace_merge(chosen.begin(), chosen.begin() + known, chosen.end());
        chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
    }
    return chosen;
}

/// The same for any count up to `last`. Where more than half are wanted, those left out are drawn:
/// looking for the last free numbers by chance would take for ever.
Amounts distinct(std::int64_t count, std::int64_t last, std::mt19937_64& random) {
    if (count <= last / 2) return few_distinct(count, last, random);
    const Amounts left_out = few_distinct(last - count, last, random);
    Amounts chosen;
    chosen.reserve(size_of(count));
    auto next_left_out = left_out.begin();
    for (std::int64_t number = 1; number <= last; ++number) {
        if (next_left_out != left_out.end() && *next_left_out == number) {
            ++next_left_out;
        } else {
            chosen.push_back(number);
        }
    }
    return chosen;
}

/// The lengths of the pieces when a line of `total` is cut at the sorted `cuts`.
Amounts pieces(Amounts cuts, std::int64_t total) {
    cuts.push_back(total);
    std::adjacent_difference(cuts.begin(), cuts.end(), cuts.begin());
    return cuts;
}

Amounts line_cut(std::int64_t total, std::int64_t count, std::mt19937_64& random) {
    return pieces(distinct(count - 1, total - 1, random), total);
}

/// Wrong: two cuts at the same place leave a piece of 0 cents between them. By the birthday bound
/// that takes no more than about the square root of the total in cuts.
Amounts repeated_cuts(std::int64_t total, std::int64_t count, std::mt19937_64& random) {
    Amounts cuts;
    cuts.reserve(size_of(count));
    for (std::int64_t i = 1; i < count; ++i) {
        cuts.push_back(total == 1 ? 1 : draw(random, 1, total - 1));
    }
    std::sort(cuts.begin(), cuts.end());
    return pieces(std::move(cuts), total);
}

/// Wrong: random weights, each share of the total rounded to whole cents and lifted to one cent at
/// least, and all of it in floats of yuan. What the rounding and the lifting gave away is taken
/// from the last: where the budget is tight its share is zero or negative. And a float has 24 bits:
/// from some 100,000 yuan on it holds no single cents, and the sum is off.
Amounts float_shares(std::int64_t total, std::int64_t count, std::mt19937_64& random) {
    std::uniform_real_distribution<float> weight(0.0F, 1.0F);
    std::vector<float> weights;
    weights.reserve(size_of(count));
    for (std::int64_t i = 0; i < count; ++i) weights.push_back(weight(random));
    const float sum = std::accumulate(weights.begin(), weights.end(), 0.0F);
    const float total_yuan = static_cast<float>(total) / 100.0F;
    float rest_yuan = total_yuan;
    Amounts amounts;
    amounts.reserve(size_of(count));
    for (std::int64_t i = 1; i < count; ++i) {
        const float share = total_yuan * weights[size_of(i)] / sum;
        const float share_yuan = std::max(std::round(share * 100.0F) / 100.0F, 0.01F);
        amounts.push_back(std::llround(share_yuan * 100.0F));
        rest_yuan -= share_yuan;
    }
    amounts.push_back(std::llround(rest_yuan * 100.0F));
    return amounts;
}

}  // namespace

/// Where 2*rest/left is no whole number it is rounded up as often as its fraction says: then the
/// expectation is rest/left exactly. Always rounding down would let whoever comes last inherit what
/// the others lose.
///
/// At least a cent stays for each of the others: a limit of 2*rest/left - 1 leaves
/// rest - limit >= left - 1 whenever rest >= left, and still does where it was rounded up.
std::int64_t draw_double_mean(std::int64_t rest, std::int64_t left, std::mt19937_64& random) {
    if (left == 1) return rest;
    // In two parts, for twice the rest may be more than an integer holds.
    const std::int64_t mean = rest / left;
    const std::int64_t twice_over = 2 * (rest % left);
    const std::int64_t fraction = twice_over % left;
    std::int64_t limit = 2 * mean + twice_over / left - 1;
    if (draw(random, 0, left - 1) < fraction) ++limit;
    return draw(random, 1, limit);
}

std::vector<std::string> split_names() {
    return {kNames.begin(), kNames.end()};
}

std::string_view to_string(Split how) noexcept {
    return kNames.at(static_cast<std::size_t>(how));
}

Split split_from(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) throw std::logic_error("no such split: " + std::string(name));
    return static_cast<Split>(found - kNames.begin());
}

std::vector<std::int64_t> split_amounts(Split how, std::int64_t total_cents, std::int64_t count,
                                        std::mt19937_64& random) {
    if (count < 1) throw BadRequest("a budget is split among at least one envelope");
    if (total_cents < count) {
        throw BadRequest(
            fmt::format("{} cents are less than one for each of {} envelopes", total_cents, count));
    }
    switch (how) {
        case Split::double_mean:
            return double_mean(total_cents, count, random);
        case Split::line_cut:
            return line_cut(total_cents, count, random);
        case Split::float_shares:
            return float_shares(total_cents, count, random);
        case Split::repeated_cuts:
            return repeated_cuts(total_cents, count, random);
    }
    throw std::logic_error("no such split");
}

}  // namespace claimstorm::reference
