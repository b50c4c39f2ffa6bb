#include "storm/plan.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"
#include "storm/arrivals.h"
#include "storm/history_file.h"

namespace claimstorm {
namespace {

// Streams of the seed: adding one must not change what the others draw.
constexpr std::uint64_t kOrderStream = 1;
constexpr std::uint64_t kDoubleClickStream = 2;
constexpr std::uint64_t kHangUpStream = 3;
constexpr std::uint64_t kArrivalStream = 4;
constexpr std::uint64_t kCampaignStream = 5;

/// Exactly round(fraction · users) of them.
std::vector<bool> draw_users(std::uint32_t users, double fraction, Random& random) {
    std::vector<UserId> order(users);
    std::iota(order.begin(), order.end(), UserId{0});
    random.shuffle(order);
    const auto count = std::min<std::size_t>(
        users, static_cast<std::size_t>(std::llround(fraction * static_cast<double>(users))));
    std::vector<bool> chosen(users, false);
    for (std::size_t i = 0; i < count; ++i) chosen[order[i]] = true;
    return chosen;
}

}  // namespace

Plan::Plan(const StormSpec& spec, std::uint64_t seed)
    : spec_(spec), seed_(seed), visits_(spec.users), clicks_(seed, kDoubleClickStream) {
    if (const auto* replay = std::get_if<Replay>(&spec_.arrival)) {
        load_recorded(replay->run);
        return;
    }
    require_numbers();
    if (const auto* stages = std::get_if<Stages>(&spec_.arrival)) {
        if (const std::uint64_t come = arrivals_in(*stages); come < spec_.users) {
            throw UsageError(
                fmt::format("the stages make {} arrivals, fewer than the {} users: "
                            "lengthen them, or lower storm.users",
                            come, spec_.users));
        }
    }
    order_visits();
    require_span();
    draw_later_clicks();
    draw_shares();
    if (spec_.hang_up) {
        Random random(seed_, kHangUpStream);
        hangs_up_ = draw_users(spec_.users, spec_.hang_up->fraction, random);
    }
    find_last_due();
}

Plan::Plan(const StormSpec& spec, std::vector<PlannedVisit> visits)
    : spec_(spec), seed_(0), visits_(visits.size()), written_(std::move(visits)), clicks_(0) {
    attempts_ = visits_;
    for (const PlannedVisit& visit : written_) {
        attempts_ += visit.later.size();
        last_due_ns_ = std::max(last_due_ns_, visit.last_due_ns());
    }
}

void Plan::require_numbers() const {
    const std::uint64_t visits = spec_.hot ? spec_.hot->visits : 1;
    const std::uint64_t numbers = visits * spec_.copies() * (spec_.retries() + 1U);
    if (numbers > std::numeric_limits<std::uint16_t>::max()) {
        throw UsageError(
            fmt::format("a user may make {} attempts, more than the 65535 that are "
                        "told apart: fewer visits, copies or retries",
                        numbers));
    }
}

/// At a rate far too low the last of them would come when no clock counts any more.
void Plan::require_span() const {
    constexpr double kSecondsMax = 10.0 * 366 * 24 * 3600;
    double rate = 0;
    if (const auto* constant = std::get_if<ConstantRate>(&spec_.arrival)) {
        rate = constant->per_second;
    } else if (const auto* poisson = std::get_if<PoissonRate>(&spec_.arrival)) {
        rate = poisson->per_second;
    } else {
        return;
    }
    if (static_cast<double>(visits_) <= rate * kSecondsMax) return;
    throw UsageError(fmt::format(
        "{} visits at {} take longer than ten years: raise the rate, or lower storm.users", visits_,
        format_rate(rate)));
}

// People at a closed loop come one after another whatever their number; everybody else's order is
// drawn, so that who is early has nothing to do with who is who.
void Plan::order_visits() {
    if (spec_.hot) visits_ += std::size_t{spec_.hot->users} * (spec_.hot->visits - 1U);
    if (std::holds_alternative<ClosedLoop>(spec_.arrival) && !spec_.hot) return;
    order_.resize(visits_);
    std::iota(order_.begin(), order_.end(), 0U);
    Random random(seed_, kOrderStream);
    random.shuffle(order_);
}

void Plan::draw_later_clicks() {
    attempts_ = visits_;
    if (!spec_.double_click) return;
    clicks_again_ = draw_users(spec_.users, spec_.double_click->fraction, clicks_);
    const auto again =
        static_cast<std::uint64_t>(std::count(clicks_again_.begin(), clicks_again_.end(), true));
    std::uint64_t visits = again;
    if (spec_.hot) {
        const auto hot_end = clicks_again_.begin() + std::min(spec_.hot->users, spec_.users);
        visits += static_cast<std::uint64_t>(std::count(clicks_again_.begin(), hot_end, true)) *
                  (spec_.hot->visits - 1U);
    }
    attempts_ += visits * (spec_.double_click->copies - 1U);
}

void Plan::draw_shares() {
    if (spec_.other_campaigns.empty()) return;
    double sum = 0;
    for (std::size_t k = 1; k <= spec_.other_campaigns.size() + 1; ++k) {
        sum += 1 / std::pow(static_cast<double>(k), spec_.zipf);
        campaign_shares_.push_back(sum);
    }
    for (double& share : campaign_shares_) share /= sum;
}

void Plan::find_last_due() {
    if (const auto* loop = std::get_if<ClosedLoop>(&spec_.arrival)) {
        last_due_ns_ = loop->duration.count();
        return;
    }
    if (visits_ == 0) return;
    Random arrivals(seed_, kArrivalStream);
    if (std::holds_alternative<PoissonRate>(spec_.arrival)) {
        // The distances are drawn one behind the other: there is no way to the last but over all.
        for (std::size_t at = 0; at < visits_; ++at) {
            last_due_ns_ = due_of(at, last_due_ns_, arrivals);
        }
    } else {
        last_due_ns_ = due_of(visits_ - 1, 0, arrivals);
    }
    if (spec_.double_click) last_due_ns_ += spec_.double_click->within.count();
}

void Plan::load_recorded(const std::string& run) {
    Names users;
    const auto record = [&](const Attempt& attempt, std::string_view) {
        if (attempt.user >= spec_.users) {
            throw UsageError(fmt::format(
                "run {}: its user {} is beyond the {} users of this storm: raise storm.users", run,
                users.name(attempt.user), spec_.users));
        }
        const TimeNs due = attempt.sent_ns == kNever ? attempt.due_ns : attempt.sent_ns;
        recorded_.push_back({due, attempt.user, attempt.number});
    };
    for_each_attempt(std::filesystem::path(run) / "history.bin", users, record);
    std::sort(recorded_.begin(), recorded_.end(), [](const Recorded& a, const Recorded& b) {
        return std::tie(a.due_ns, a.user, a.number) < std::tie(b.due_ns, b.user, b.number);
    });
    visits_ = attempts_ = recorded_.size();
    if (!recorded_.empty()) last_due_ns_ = recorded_.back().due_ns;
}

TimeNs Plan::due_of(std::size_t position, TimeNs previous, Random& arrivals) const {
    if (const auto* rate = std::get_if<ConstantRate>(&spec_.arrival)) {
        return std::llround(static_cast<double>(position) * 1e9 / rate->per_second);
    }
    if (const auto* rate = std::get_if<PoissonRate>(&spec_.arrival)) {
        return previous + std::llround(-std::log1p(-arrivals.uniform()) * 1e9 / rate->per_second);
    }
    if (const auto* stages = std::get_if<Stages>(&spec_.arrival)) {
        return arrival_of(*stages, position);
    }
    return 0;
}

Plan::Cursor::Cursor(const Plan& plan, std::size_t offset, std::size_t stride)
    : plan_(&plan),
      stride_(stride),
      wanted_(offset),
      clicks_(plan.clicks_),
      arrivals_(plan.seed_, kArrivalStream),
      campaigns_(plan.seed_, kCampaignStream) {
    next();
}

void Plan::Cursor::next() {
    at_end_ = wanted_ >= plan_->visits_;
    // What others' visits draw is drawn here, too: who walks in how many steps changes nothing.
    for (; !at_end_ && position_ <= wanted_; ++position_) {
        if (!plan_->written_.empty()) {
            visit_ = plan_->written_[position_];
        } else if (!plan_->recorded_.empty()) {
            const Recorded& recorded = plan_->recorded_[position_];
            visit_.first = {recorded.due_ns, recorded.user, recorded.number, recorded.number};
        } else {
            due_ns_ = plan_->due_of(position_, due_ns_, arrivals_);
            make_visit(due_ns_);
        }
    }
    wanted_ += stride_;
}

void Plan::Cursor::make_visit(TimeNs due_ns) {
    const StormSpec& spec = plan_->spec_;
    const std::size_t place = plan_->order_.empty() ? position_ : plan_->order_[position_];
    UserId user = static_cast<UserId>(place);
    std::size_t visits_before = 0;
    if (place >= spec.users) {
        user = static_cast<UserId>((place - spec.users) % spec.hot->users);
        visits_before = (place - spec.users) / spec.hot->users + 1;
    }
    const std::uint16_t copies = spec.copies();
    const std::uint16_t retries = spec.retries();
    PlannedAttempt attempt;
    attempt.due_ns = due_ns;
    attempt.user = user;
    attempt.number = static_cast<std::uint16_t>(visits_before * copies * (retries + 1U) + 1);
    attempt.key = attempt.number;
    attempt.tries_left = retries;
    attempt.hangs_up = !plan_->hangs_up_.empty() && plan_->hangs_up_[user];
    if (const auto& shares = plan_->campaign_shares_; !shares.empty()) {
        const auto found = std::upper_bound(shares.begin(), shares.end(), campaigns_.uniform());
        attempt.campaign = static_cast<std::uint16_t>(
            std::min<std::ptrdiff_t>(found - shares.begin(), std::ssize(shares) - 1));
    }
    visit_.first = attempt;
    visit_.later.clear();
    if (plan_->clicks_again_.empty() || !plan_->clicks_again_[user]) return;
    const auto within = static_cast<std::uint64_t>(spec.double_click->within.count());
    for (std::uint16_t click = 1; click < copies; ++click) {
        attempt.due_ns = due_ns + static_cast<TimeNs>(clicks_.below(within + 1));
        visit_.later.push_back(attempt);
    }
    std::sort(visit_.later.begin(), visit_.later.end(),
              [](const PlannedAttempt& a, const PlannedAttempt& b) { return a.due_ns < b.due_ns; });
    std::uint16_t number = attempt.number;
    for (PlannedAttempt& later : visit_.later) {
        later.number = ++number;
        if (spec.double_click->key == KeyUse::fresh) later.key = number;
    }
}

std::vector<PlannedAttempt> first_attempts(const Plan& plan, std::size_t count) {
    std::vector<PlannedAttempt> attempts;
    for (Plan::Cursor cursor(plan, 0, 1); !cursor.at_end() && attempts.size() < count;
         cursor.next()) {
        attempts.push_back(cursor.visit().first);
        const auto& later = cursor.visit().later;
        attempts.insert(attempts.end(), later.begin(), later.end());
    }
    if (attempts.size() > count) attempts.resize(count);
    return attempts;
}

std::string plan_text(const Plan& plan, std::size_t lines_max) {
    fmt::memory_buffer text;
    const bool several = !plan.spec().other_campaigns.empty();
    for (const PlannedAttempt& attempt : first_attempts(plan, lines_max)) {
        fmt::format_to(std::back_inserter(text), "{} {} {}", attempt.due_ns, attempt.user,
                       attempt.number);
        if (several) fmt::format_to(std::back_inserter(text), " campaign {}", attempt.campaign);
        text.push_back('\n');
    }
    return fmt::to_string(text);
}

}  // namespace claimstorm
