#include "storm/plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "storm/random.h"

namespace claimstorm {
namespace {

// Streams of the seed: adding one must not change what the others draw.
constexpr std::uint64_t kOrderStream = 1;
constexpr std::uint64_t kDoubleClickStream = 2;

TimeNs due_of(const StormSpec& spec, std::size_t position) {
    if (const auto* rate = std::get_if<ConstantRate>(&spec.arrival)) {
        return std::llround(static_cast<double>(position) * 1e9 / rate->per_second);
    }
    return 0;
}

/// copies[user]: how many attempts the user makes. Exactly round(fraction · users) double-click.
std::vector<std::uint16_t> draw_copies(const StormSpec& spec, Random& random) {
    std::vector<std::uint16_t> copies(spec.users, 1);
    if (!spec.double_click) return copies;
    const auto clickers =
        static_cast<std::size_t>(std::llround(spec.double_click->fraction * spec.users));
    std::vector<UserId> users(spec.users);
    std::iota(users.begin(), users.end(), UserId{0});
    random.shuffle(users);
    for (std::size_t i = 0; i < std::min<std::size_t>(clickers, users.size()); ++i) {
        copies[users[i]] = spec.double_click->copies;
    }
    return copies;
}

}  // namespace

Plan make_plan(const StormSpec& spec, std::uint64_t seed) {
    Random order_random(seed, kOrderStream);
    Random click_random(seed, kDoubleClickStream);
    const std::vector<std::uint16_t> copies = draw_copies(spec, click_random);

    std::vector<UserId> order(spec.users);
    std::iota(order.begin(), order.end(), UserId{0});
    order_random.shuffle(order);

    Plan plan;
    plan.reserve(std::accumulate(copies.begin(), copies.end(), std::size_t{0}));
    for (std::size_t position = 0; position < order.size(); ++position) {
        const UserId user = order[position];
        const TimeNs first_due = due_of(spec, position);
        const std::size_t group = plan.size();
        plan.push_back({first_due, user, 1});
        for (std::uint16_t number = 2; number <= copies[user]; ++number) {
            const auto within = static_cast<std::uint64_t>(spec.double_click->within.count());
            plan.push_back(
                {first_due + static_cast<TimeNs>(click_random.below(within + 1)), user, 0});
        }
        const auto later = plan.begin() + static_cast<std::ptrdiff_t>(group) + 1;
        std::sort(later, plan.end(), [](const PlannedAttempt& a, const PlannedAttempt& b) {
            return a.due_ns < b.due_ns;
        });
        std::uint16_t number = 2;
        for (auto click = later; click != plan.end(); ++click) click->number = number++;
    }
    return plan;
}

std::string plan_text(const Plan& plan, std::size_t lines_max) {
    fmt::memory_buffer text;
    for (std::size_t i = 0; i < std::min(plan.size(), lines_max); ++i) {
        fmt::format_to(std::back_inserter(text), "{} {} {}\n", plan[i].due_ns, plan[i].user,
                       plan[i].number);
    }
    return fmt::to_string(text);
}

}  // namespace claimstorm
