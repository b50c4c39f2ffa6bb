#include "reference_server/failpoints.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "model/error.h"
#include "model/units.h"

namespace claimstorm::reference {
namespace {

using Action = FailpointRule::Action;

/// Longer than any client waits, shorter than any operator's patience.
constexpr auto kLongestPause = std::chrono::minutes(1);

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    throw UsageError(fmt::format("failpoint '{}': {}", text, why));
}

void read_action(std::string_view text, std::string_view action, FailpointRule& rule) {
    constexpr std::array<std::pair<std::string_view, Action>, 4> kPlain = {
        {{"error", Action::error},
         {"crash", Action::crash},
         {"drop-reply", Action::drop_reply},
         {"lose-cache", Action::lose_cache}}};
    for (const auto& [name, value] : kPlain) {
        if (action == name) {
            rule.action = value;
            return;
        }
    }
    if (action.starts_with("pause(") && action.ends_with(')')) {
        const auto time = parse_duration(action.substr(6, action.size() - 7));
        if (!time || *time <= time->zero() || *time > kLongestPause) {
            refuse(text, "a pause is a duration up to 1m, e.g. pause(50ms)");
        }
        rule.action = Action::pause;
        rule.pause = *time;
        return;
    }
    refuse(text, fmt::format("'{}' is none of error, crash, pause(50ms), drop-reply, lose-cache",
                             action));
}

std::optional<std::uint64_t> read_hit(std::string_view text) {
    std::uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end || number == 0) return std::nullopt;
    return number;
}

/// "3", "3+", "3-5", "2.5%".
bool read_when(std::string_view when, FailpointRule& rule) {
    if (when.ends_with('%')) {
        when.remove_suffix(1);
        double percent = 0;
        const char* end = when.data() + when.size();
        const auto [rest, error] = std::from_chars(when.data(), end, percent);
        if (error != std::errc{} || rest != end || !(percent > 0 && percent <= 100)) return false;
        rule.probability = percent / 100;
        return true;
    }
    const bool open = when.ends_with('+');
    if (open) when.remove_suffix(1);
    const auto dash = when.find('-');
    const auto first = read_hit(when.substr(0, dash));
    if (!first) return false;
    rule.first = *first;
    if (open) return dash == std::string_view::npos;
    const auto last = dash == std::string_view::npos ? first : read_hit(when.substr(dash + 1));
    if (!last || *last < *first) return false;
    rule.last = *last;
    return true;
}

/// splitmix64's finalizer: hits with neighbouring numbers draw independently.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31U);
}

void lose_cache(Context& context) {
    static const Script script(
        "local keys = redis.call('KEYS', 'cs:*')\n"
        "for _, key in ipairs(keys) do redis.call('DEL', key) end\n"
        "return #keys\n");
    script.run(context.redis(), {}, {});
}

}  // namespace

FailpointRule parse_failpoint_rule(std::string_view text) {
    FailpointRule rule;
    rule.text = text;
    const auto at = text.find('@');
    read_action(text, text.substr(0, at), rule);
    if (at != std::string_view::npos && !read_when(text.substr(at + 1), rule)) {
        refuse(text, "behind the '@' stands a hit (3), a range (3+, 3-5) or a share (2.5%)");
    }
    return rule;
}

FailpointCounters::FailpointCounters() {
    void* memory = ::mmap(nullptr, kSteps * sizeof(Count), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw EnvironmentError("no memory for the failpoints' counters");
    counts_ = new (memory) Count[kSteps]();
}

FailpointCounters::~FailpointCounters() {
    ::munmap(counts_, kSteps * sizeof(Count));
}

Failpoints::Failpoints(const FlowEntry& entry, FailpointCounters& counters, std::uint64_t seed)
    : flow_(entry.name), counters_(counters), seed_(seed) {
    steps_.reserve(entry.steps.size() + entry.background_steps.size());
    for (const std::string& name : entry.steps) steps_.push_back({name, false, {}});
    for (const std::string& name : entry.background_steps) steps_.push_back({name, true, {}});
    if (steps_.size() > FailpointCounters::kSteps) {
        throw std::logic_error(flow_ + " has more steps than there are counters");
    }
}

std::size_t Failpoints::find(std::string_view step) const {
    std::vector<std::string_view> names;
    names.reserve(steps_.size());
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (steps_[i].name == step) return i;
        names.emplace_back(steps_[i].name);
    }
    throw UsageError(
        fmt::format("failpoint: {} has no step '{}'; {}", flow_, step,
                    meant_or(step, names, fmt::format("it has {}", fmt::join(names, ", ")))));
}

void Failpoints::arm(std::size_t step, FailpointRule rule) {
    if (steps_[step].background && rule.action == Action::drop_reply) {
        throw UsageError(
            fmt::format("the step '{}' answers no client, so there is no reply to drop; use error",
                        steps_[step].name));
    }
    const std::unique_lock lock(mutex_);
    steps_[step].rule = std::move(rule);
    armed_ = true;
}

void Failpoints::set(std::string_view step_and_rule) {
    const auto equals = step_and_rule.find('=');
    if (equals == std::string_view::npos) {
        throw UsageError(
            fmt::format("--failpoint '{}': write it as STEP=ACTION[@WHEN]", step_and_rule));
    }
    const std::string_view step = step_and_rule.substr(0, equals);
    const FailpointRule rule = parse_failpoint_rule(step_and_rule.substr(equals + 1));
    if (step != "*") return arm(find(step), rule);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
        if (!steps_[i].background || rule.action != Action::drop_reply) arm(i, rule);
    }
}

void Failpoints::put(std::string_view step, const FailpointRule& rule) {
    const std::size_t at = find(step);
    arm(at, rule);
    counters_.of(at).hits = 0;
    counters_.of(at).fired = 0;
}

void Failpoints::remove(std::string_view step) {
    const std::size_t at = find(step);
    const std::unique_lock lock(mutex_);
    steps_[at].rule.reset();
}

Failpoints::State Failpoints::state_of(std::size_t step) const {
    const std::shared_lock lock(mutex_);
    const auto& [name, background, rule] = steps_[step];
    auto& count = counters_.of(step);
    return {name, background, rule ? rule->text : "", count.hits, count.fired};
}

Failpoints::State Failpoints::state(std::string_view step) const {
    return state_of(find(step));
}

std::vector<Failpoints::State> Failpoints::states() const {
    std::vector<State> states;
    states.reserve(steps_.size());
    for (std::size_t i = 0; i < steps_.size(); ++i) states.push_back(state_of(i));
    return states;
}

bool Failpoints::fires(const FailpointRule& rule, std::size_t step, std::uint64_t hit) const {
    if (hit < rule.first || hit > rule.last) return false;
    if (rule.probability >= 1) return true;
    const std::uint64_t draw = mix(mix(seed_ + step) + hit);
    return static_cast<double>(draw >> 11U) * 0x1.0p-53 < rule.probability;
}

void Failpoints::hit(Context& context, std::string_view step) {
    const auto found = std::find_if(steps_.begin(), steps_.end(),
                                    [&](const Step& one) { return one.name == step; });
    if (found == steps_.end()) throw std::logic_error(fmt::format("{} is no step", step));
    const auto index = static_cast<std::size_t>(found - steps_.begin());
    auto& count = counters_.of(index);
    const std::uint64_t number = ++count.hits;
    if (!armed_) return;
    FailpointRule rule;
    {
        const std::shared_lock lock(mutex_);
        if (!found->rule || !fires(*found->rule, index, number)) return;
        rule = *found->rule;
        ++count.fired;
    }
    switch (rule.action) {
        case Action::error:
            throw InjectedError(fmt::format("injected error at {}", step));
        case Action::crash:
            ::kill(::getpid(), SIGKILL);
            ::pause();  // the signal is delivered before this returns
            break;
        case Action::pause:
            std::this_thread::sleep_for(rule.pause);
            break;
        case Action::drop_reply:
            context.drop_reply();
            break;
        case Action::lose_cache:
            lose_cache(context);
            break;
    }
}

}  // namespace claimstorm::reference
