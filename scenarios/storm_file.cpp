#include "scenarios/storm_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"
#include "storm/arrivals.h"
#include "storm/socket_address.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::int64_t kUsersMax = 100'000'000;

constexpr std::array<std::pair<std::string_view, BurstGate>, 3> kGates = {
    {{"full", BurstGate::full},
     {"last-byte", BurstGate::last_byte},
     {"single-packet", BurstGate::single_packet}}};

/// The value that the place's text names.
template <typename Value, std::size_t N>
Value one_of(const JsonPlace& place, const std::array<std::pair<std::string_view, Value>, N>& all) {
    const std::string name = place.string();
    std::vector<std::string_view> names;
    names.reserve(N);
    for (const auto& [known, value] : all) {
        if (known == name) return value;
        names.push_back(known);
    }
    place.fail(fmt::format("'{}' is not known here; one of {}", name, fmt::join(names, ", ")));
}

template <typename Value, std::size_t N>
std::string_view name_of(Value value,
                         const std::array<std::pair<std::string_view, Value>, N>& all) {
    return std::find_if(all.begin(), all.end(),
                        [&](const auto& known) { return known.second == value; })
        ->first;
}

constexpr std::array<std::pair<std::string_view, KeyUse>, 2> kKeyUses = {
    {{"same", KeyUse::same}, {"new", KeyUse::fresh}}};

KeyUse read_key(const JsonPlace& place) {
    const auto key = place.find("idempotency_key");
    return key ? one_of(*key, kKeyUses) : KeyUse::same;
}

ClosedLoop read_closed_loop(const JsonPlace& place) {
    place.require_keys({"think", "think_max", "duration"});
    ClosedLoop loop;
    if (const auto think = place.find("think")) loop.think_min = think->duration(nanoseconds(0));
    loop.think_max = loop.think_min;
    if (const auto most = place.find("think_max")) {
        loop.think_max = most->duration(nanoseconds(0));
        if (loop.think_max < loop.think_min) most->fail("it must not be shorter than 'think'");
    }
    if (const auto duration = place.find("duration")) {
        loop.duration = duration->duration(milliseconds(1));
    }
    return loop;
}

Stages read_stages(const JsonPlace& place) {
    try {
        return parse_stages(place.string());
    } catch (const UsageError& error) {
        place.fail(error.what());
    }
}

void read_arrival(const JsonPlace& place, const std::string& folder, StormSpec& storm) {
    place.require_keys({"burst", "rate", "poisson", "stages", "closed_loop", "replay"});
    if (place.value().size() != 1) {
        place.fail("one of burst, rate, poisson, stages, closed_loop and replay is wanted");
    }
    if (const auto burst = place.find("burst")) {
        burst->require_keys({"gate"});
        Burst together;
        if (const auto gate = burst->find("gate")) together.gate = one_of(*gate, kGates);
        storm.arrival = together;
    } else if (const auto rate = place.find("rate")) {
        storm.arrival = ConstantRate{rate->rate_per_second()};
    } else if (const auto poisson = place.find("poisson")) {
        storm.arrival = PoissonRate{poisson->rate_per_second()};
    } else if (const auto stages = place.find("stages")) {
        storm.arrival = read_stages(*stages);
    } else if (const auto loop = place.find("closed_loop")) {
        storm.arrival = read_closed_loop(*loop);
    } else {
        const std::filesystem::path run = place.at("replay").non_empty_string();
        storm.arrival = Replay{(run.is_absolute() ? run : folder / run).string()};
    }
}

DoubleClick read_double_click(const JsonPlace& place) {
    place.require_keys({"fraction", "copies", "within", "idempotency_key"});
    DoubleClick click;
    click.fraction = place.at("fraction").number(0, 1);
    if (const auto copies = place.find("copies")) {
        click.copies = static_cast<std::uint16_t>(copies->count(2, 1000));
    }
    if (const auto within = place.find("within")) click.within = within->duration(nanoseconds(0));
    click.key = read_key(place);
    return click;
}

Retry read_retry(const JsonPlace& place) {
    place.require_keys({"times", "after", "jitter", "on", "idempotency_key"});
    Retry retry;
    if (const auto times = place.find("times")) {
        retry.times = static_cast<std::uint16_t>(times->count(1, 1000));
    }
    if (const auto after = place.find("after")) retry.after = after->duration(nanoseconds(0));
    if (const auto jitter = place.find("jitter")) retry.jitter = jitter->number(0, 1);
    if (const auto on = place.find("on")) {
        retry.on.clear();
        for (const JsonPlace& item : on->items()) {
            const std::string name = item.string();
            const auto outcome = outcome_from(name);
            if (!outcome) item.fail(fmt::format("'{}' is not an outcome", name));
            if (*outcome == Outcome::granted) item.fail("who was granted has nothing to retry");
            retry.on.push_back(*outcome);
        }
        if (retry.on.empty()) on->fail("without an outcome nothing would be retried");
    }
    retry.key = read_key(place);
    return retry;
}

HangUp read_hang_up(const JsonPlace& place) {
    place.require_keys({"fraction", "after"});
    return {place.at("fraction").number(0, 1), place.at("after").duration(nanoseconds(0))};
}

HotUsers read_hot(const JsonPlace& place, std::uint32_t users) {
    place.require_keys({"users", "visits"});
    HotUsers hot;
    hot.users = static_cast<std::uint32_t>(place.at("users").count(1, users));
    if (const auto visits = place.find("visits")) {
        hot.visits = static_cast<std::uint16_t>(visits->count(2, 10'000));
    }
    return hot;
}

void read_crowd(const JsonPlace& place, StormSpec& storm) {
    if (const auto click = place.find("double_click")) {
        storm.double_click = read_double_click(*click);
    }
    if (const auto retry = place.find("retry")) storm.retry = read_retry(*retry);
    if (const auto hang_up = place.find("hang_up")) storm.hang_up = read_hang_up(*hang_up);
    if (const auto hot = place.find("hot")) storm.hot = read_hot(*hot, storm.users);
    if (const auto campaigns = place.find("other_campaigns")) {
        storm.other_campaigns = campaigns->strings();
        if (storm.other_campaigns.size() > 10'000) campaigns->fail("at most 10,000");
    }
    if (const auto zipf = place.find("zipf")) storm.zipf = zipf->number(0, 10);
    const auto addresses = place.find("source_addresses");
    if (!addresses) return;
    for (const JsonPlace& item : addresses->items()) {
        try {
            source_address(item.string());
        } catch (const UsageError& error) {
            item.fail(error.what());
        }
        storm.source_addresses.push_back(item.string());
    }
}

/// Where the stages say how many arrive, the users need not be counted by hand.
std::uint32_t read_users(const JsonPlace& place, const StormSpec& storm) {
    const auto* stages = std::get_if<Stages>(&storm.arrival);
    if (stages == nullptr || place.find("users")) {
        return static_cast<std::uint32_t>(place.at("users").count(1, kUsersMax));
    }
    const std::uint64_t come = arrivals_in(*stages);
    if (come == 0 || come > static_cast<std::uint64_t>(kUsersMax)) {
        place.at("arrival").fail(fmt::format("the stages make {} arrivals", come));
    }
    return static_cast<std::uint32_t>(come);
}

/// The most arrivals a second that are planned; 0 where answers, or nothing, set the pace.
double peak_rate(const StormSpec& storm) {
    if (const auto* rate = std::get_if<ConstantRate>(&storm.arrival)) return rate->per_second;
    if (const auto* poisson = std::get_if<PoissonRate>(&storm.arrival)) return poisson->per_second;
    double peak = 0;
    if (const auto* stages = std::get_if<Stages>(&storm.arrival)) {
        for (const Stage& stage : stages->stages) peak = std::max(peak, stage.per_second);
    }
    return peak;
}

/// A rate that one thread can keep with ease is kept best by one: two that wake at different
/// instants get into each other's way, and into the service's where it shares the machine
/// (`./dev bench storm --only c`).
std::uint32_t threads_for(const StormSpec& storm) {
    constexpr double kOneThreadKeeps = 50'000;
    const double rate = peak_rate(storm);
    return rate > 0 && rate <= kOneThreadKeeps ? 1 : storm.threads;
}

}  // namespace

StormSpec read_storm(const JsonPlace& place, const std::string& folder) {
    place.require_keys({"users", "connections", "threads", "arrival", "double_click", "retry",
                        "hang_up", "hot", "other_campaigns", "zipf", "source_addresses", "timeout",
                        "overrun"});
    constexpr std::int64_t kConnectionsDefault = 500;
    StormSpec storm;
    if (const auto arrival = place.find("arrival")) read_arrival(*arrival, folder, storm);
    storm.users = read_users(place, storm);
    storm.connections =
        static_cast<std::uint32_t>(std::min<std::int64_t>(storm.users, kConnectionsDefault));
    if (const auto connections = place.find("connections")) {
        storm.connections = static_cast<std::uint32_t>(connections->count(1, 60'000));
    }
    storm.threads = threads_for(storm);
    if (const auto threads = place.find("threads")) {
        storm.threads = static_cast<std::uint32_t>(threads->count(1, 64));
    }
    read_crowd(place, storm);
    if (const auto timeout = place.find("timeout"))
        storm.timeout = timeout->duration(milliseconds(1));
    if (const auto overrun = place.find("overrun"))
        storm.overrun = overrun->duration(milliseconds(0));
    return storm;
}

namespace {

ordered_json arrival_to_json(const StormSpec& storm) {
    ordered_json json;
    if (const auto* burst = std::get_if<Burst>(&storm.arrival)) {
        json["burst"]["gate"] = name_of(burst->gate, kGates);
    } else if (const auto* rate = std::get_if<ConstantRate>(&storm.arrival)) {
        json["rate"] = format_rate(rate->per_second);
    } else if (const auto* poisson = std::get_if<PoissonRate>(&storm.arrival)) {
        json["poisson"] = format_rate(poisson->per_second);
    } else if (const auto* stages = std::get_if<Stages>(&storm.arrival)) {
        json["stages"] = stages_text(*stages);
    } else if (const auto* loop = std::get_if<ClosedLoop>(&storm.arrival)) {
        json["closed_loop"]["think"] = format_duration(loop->think_min);
        json["closed_loop"]["think_max"] = format_duration(loop->think_max);
        if (loop->duration.count() > 0) {
            json["closed_loop"]["duration"] = format_duration(loop->duration);
        }
    } else {
        json["replay"] = std::get<Replay>(storm.arrival).run;
    }
    return json;
}

}  // namespace

ordered_json storm_to_json(const StormSpec& storm) {
    ordered_json json = {
        {"users", storm.users}, {"connections", storm.connections}, {"threads", storm.threads}};
    json["arrival"] = arrival_to_json(storm);
    if (const auto& click = storm.double_click) {
        json["double_click"] = {{"fraction", click->fraction},
                                {"copies", click->copies},
                                {"within", format_duration(click->within)},
                                {"idempotency_key", name_of(click->key, kKeyUses)}};
    }
    if (const auto& retry = storm.retry) {
        json["retry"] = {{"times", retry->times},
                         {"after", format_duration(retry->after)},
                         {"jitter", retry->jitter}};
        for (const Outcome outcome : retry->on) json["retry"]["on"].push_back(to_string(outcome));
        json["retry"]["idempotency_key"] = name_of(retry->key, kKeyUses);
    }
    if (const auto& hang_up = storm.hang_up) {
        json["hang_up"] = {{"fraction", hang_up->fraction},
                           {"after", format_duration(hang_up->after)}};
    }
    if (const auto& hot = storm.hot) {
        json["hot"] = {{"users", hot->users}, {"visits", hot->visits}};
    }
    if (!storm.other_campaigns.empty()) {
        json["other_campaigns"] = storm.other_campaigns;
        json["zipf"] = storm.zipf;
    }
    if (!storm.source_addresses.empty()) json["source_addresses"] = storm.source_addresses;
    json["timeout"] = format_duration(storm.timeout);
    json["overrun"] = format_duration(storm.overrun);
    return json;
}

}  // namespace claimstorm
