#include "scenarios/gates.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "model/units.h"

namespace claimstorm {
namespace {

struct GateFigure {
    std::string_view name;
    double (*value)(const StormFigures&);
    bool needs_answers;         ///< means nothing when no attempt was answered
    bool of_generator = false;  ///< tells of what sent the attempts, not of what answered
};

double share(std::int64_t part, const StormFigures& figures) {
    return figures.attempts == 0
               ? 0
               : static_cast<double>(part) / static_cast<double>(figures.attempts);
}

constexpr std::array kFigures = {
    GateFigure{"latency_ms_p50", [](const StormFigures& f) { return f.latency_ms.p50; }, true},
    GateFigure{"latency_ms_p90", [](const StormFigures& f) { return f.latency_ms.p90; }, true},
    GateFigure{"latency_ms_p99", [](const StormFigures& f) { return f.latency_ms.p99; }, true},
    GateFigure{"latency_ms_p999", [](const StormFigures& f) { return f.latency_ms.p999; }, true},
    GateFigure{"latency_ms_max", [](const StormFigures& f) { return f.latency_ms.max; }, true},
    GateFigure{"service_ms_p50", [](const StormFigures& f) { return f.service_ms.p50; }, true},
    GateFigure{"service_ms_p90", [](const StormFigures& f) { return f.service_ms.p90; }, true},
    GateFigure{"service_ms_p99", [](const StormFigures& f) { return f.service_ms.p99; }, true},
    GateFigure{"service_ms_p999", [](const StormFigures& f) { return f.service_ms.p999; }, true},
    GateFigure{"service_ms_max", [](const StormFigures& f) { return f.service_ms.max; }, true},
    GateFigure{"release_spread_ms", [](const StormFigures& f) { return f.release_spread_ms; }, true,
               true},
    GateFigure{"send_lag_us_p99", [](const StormFigures& f) { return f.send_lag_us_p99; }, true,
               true},
    GateFigure{"attempts_per_s", [](const StormFigures& f) { return f.attempts_per_s; }, true},
    GateFigure{"time_to_sold_out_ms",
               [](const StormFigures& f) { return f.time_to_sold_out_ms.value_or(-1); }, true},
    GateFigure{"duration_ms", [](const StormFigures& f) { return f.duration_ms; }, true},
    GateFigure{"unknown_rate",
               [](const StormFigures& f) { return share(f.count(Outcome::unknown), f); }, false},
    GateFigure{"throttled_rate",
               [](const StormFigures& f) { return share(f.count(Outcome::throttled), f); }, false},
    GateFigure{"connections_opened",
               [](const StormFigures& f) {
                   return static_cast<double>(f.connections_opened.value_or(-1));
               },
               true, true},
    GateFigure{"granted",
               [](const StormFigures& f) { return static_cast<double>(f.count(Outcome::granted)); },
               false},
};

const GateFigure* find_figure(std::string_view name) {
    const auto* found = std::find_if(kFigures.begin(), kFigures.end(),
                                     [&](const GateFigure& figure) { return figure.name == name; });
    return found == kFigures.end() ? nullptr : found;
}

struct Limit {
    std::string_view comparison;
    double bound = 0;

    bool met_by(double value) const {
        if (comparison == "<") return value < bound;
        if (comparison == "<=") return value <= bound;
        if (comparison == ">") return value > bound;
        return value >= bound;
    }
};

std::optional<Limit> parse_limit(std::string_view text) {
    for (const std::string_view comparison : {"<=", ">=", "<", ">"}) {
        if (!text.starts_with(comparison)) continue;
        std::string_view number = text.substr(comparison.size());
        number.remove_prefix(std::min(number.find_first_not_of(' '), number.size()));
        Limit limit{comparison, 0};
        const char* end = number.data() + number.size();
        const auto [rest, error] = std::from_chars(number.data(), end, limit.bound);
        const bool is_number = error == std::errc{} && rest == end && std::isfinite(limit.bound);
        if (is_number && !number.empty()) return limit;
        return std::nullopt;
    }
    return std::nullopt;
}

/// A built-in gate: missed is never green, and never red either.
Gate guard(std::string name, std::string limit, double value, bool met, std::string advice) {
    return {std::move(name), std::move(limit), value, met ? Verdict::holds : Verdict::inconclusive,
            met ? std::string() : std::move(advice)};
}

constexpr const char* kNotOurs =
    "nobody knows what generated an imported log: nothing is said of its schedule";
constexpr const char* kNoHistory = "there is no history: the stores were audited alone";

Gate something_granted(std::int64_t granted) {
    return guard("something_granted", ">= 1", static_cast<double>(granted), granted >= 1,
                 "nobody was granted anything, so nothing was tested: look at the answers "
                 "with 'claimstorm history RUN'");
}

}  // namespace

std::vector<std::string_view> gate_names() {
    std::vector<std::string_view> names;
    names.reserve(kFigures.size());
    for (const GateFigure& figure : kFigures) names.push_back(figure.name);
    return names;
}

std::string gate_problem(const GateSpec& gate) {
    if (find_figure(gate.name) == nullptr) {
        return fmt::format("there is no figure '{}' to gate on; {}", gate.name,
                           meant_or(gate.name, gate_names(),
                                    fmt::format("there are: {}", fmt::join(gate_names(), ", "))));
    }
    if (!parse_limit(gate.limit)) {
        return fmt::format(
            "'{}' is not a limit; write it as \"< 200\", \"<= 0.01\", \"> 0\" or "
            "\">= 100\"",
            gate.limit);
    }
    return {};
}

std::vector<Gate> judge_gates(const std::vector<GateSpec>& gates, const StormFigures& figures,
                              HistoryOrigin origin) {
    std::vector<Gate> judged;
    const std::int64_t answered =
        figures.attempts - figures.count(Outcome::unknown) - figures.count(Outcome::not_sent);
    for (const GateSpec& spec : gates) {
        const GateFigure& figure = *find_figure(spec.name);
        const Limit limit = *parse_limit(spec.limit);
        Gate gate{spec.name, spec.limit, figure.value(figures), Verdict::holds, {}};
        if (origin == HistoryOrigin::none ||
            (origin == HistoryOrigin::imported && figure.of_generator)) {
            gate.verdict = Verdict::skipped;
            gate.summary = origin == HistoryOrigin::none ? kNoHistory : kNotOurs;
            judged.push_back(std::move(gate));
            continue;
        }
        const bool never_sold_out =
            spec.name == "time_to_sold_out_ms" && !figures.time_to_sold_out_ms;
        if (never_sold_out || (figure.needs_answers && answered == 0)) {
            gate.verdict = Verdict::inconclusive;
            gate.summary = "was never measured in this run";
        } else if (!limit.met_by(gate.value)) {
            gate.verdict = Verdict::violated;
        }
        judged.push_back(std::move(gate));
    }
    return judged;
}

std::vector<Gate> built_in_gates(const Scenario& scenario, const StormFigures& figures,
                                 HistoryOrigin origin) {
    if (origin == HistoryOrigin::none) return {};
    // A tenth of the patience of a user: beyond that the storm is another one than was planned.
    const double lag_limit_us =
        static_cast<double>(std::chrono::nanoseconds(scenario.storm.timeout).count()) / 1e3 / 10;
    const std::string lag_limit = fmt::format("<= {:.0f}", lag_limit_us);
    const auto granted = figures.count(Outcome::granted);
    std::vector<Gate> gates{something_granted(granted)};
    if (origin == HistoryOrigin::imported) {
        gates.push_back(
            {"schedule_kept", lag_limit, figures.send_lag_us_p99, Verdict::skipped, kNotOurs});
        return gates;
    }
    const auto not_sent = figures.count(Outcome::not_sent);
    gates.push_back(
        guard("everything_sent", "<= 0", static_cast<double>(not_sent), not_sent == 0,
              fmt::format("{} attempts never left this machine: the target went away, or "
                          "storm.overrun ended the storm before their turn",
                          not_sent)));
    if (scenario.storm.users > scenario.campaign.stock) {
        const auto refused = figures.count(Outcome::sold_out);
        gates.push_back(
            guard("sold_out_reached", ">= 1", static_cast<double>(refused),
                  refused >= 1 || granted >= scenario.campaign.stock,
                  "more users than stock, yet nobody was told sold out: the stock's end, "
                  "where the races are, was not reached"));
    }
    gates.push_back(
        guard("schedule_kept", lag_limit, figures.send_lag_us_p99,
              figures.send_lag_us_p99 <= lag_limit_us,
              "send lag p99 in us: the generator could not keep its own schedule; lower "
              "storm.connections or the rate, or give it more storm.threads"));
    // Where claims come at instants of their own, waiting is the generator's fault.
    if (!std::holds_alternative<Burst>(scenario.storm.arrival) &&
        !std::holds_alternative<ClosedLoop>(scenario.storm.arrival)) {
        const double waited = share(figures.waited, figures);
        gates.push_back(guard("connections_free", "<= 0.01", waited, waited <= 0.01,
                              "share of attempts that had to wait for a free connection: raise "
                              "storm.connections"));
    }
    return gates;
}

}  // namespace claimstorm
