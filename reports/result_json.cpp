#include "reports/result_json.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace claimstorm {
namespace {

using Json = nlohmann::ordered_json;

/// Three decimals are enough for people and keep a file the same from machine to machine. What is
/// no number becomes null.
Json rounded(double number) {
    if (!std::isfinite(number)) return nullptr;
    constexpr double kExact = 1e12;  // beyond it a double has no three decimals left
    if (std::abs(number) >= kExact) return number;
    return std::round(number * 1000) / 1000 + 0.0;  // adding 0 turns -0 into 0
}

/// A gate may be set on a rate far below one: nine significant digits, so that a value just beyond
/// its limit is not shown as the limit.
Json significant(double number) {
    if (!std::isfinite(number)) return nullptr;
    return std::strtod(fmt::format("{:.9g}", number).c_str(), nullptr) + 0.0;
}

Json witness_json(const Witness& witness) {
    Json json = {{"what", witness.what}};
    if (!witness.user.empty()) json["user"] = witness.user;
    if (!witness.claim_ids.empty()) json["claim_ids"] = witness.claim_ids;
    if (!witness.attempts.empty()) json["attempts"] = witness.attempts;
    if (!witness.key.empty()) json["key"] = witness.key;
    return json;
}

Json finding_json(const Finding& finding) {
    Json json = {{"name", finding.check}, {"verdict", to_string(finding.verdict)}};
    if (finding.verdict == Verdict::violated) {
        json["strength"] = finding.strength == Strength::definite ? "definite" : "possible";
    }
    json["summary"] = finding.summary;
    json["figures"] = Json::object();
    for (const Figure& figure : finding.figures) json["figures"][figure.name] = figure.value;
    json["witnesses"] = Json::array();
    for (const Witness& witness : finding.witnesses) {
        json["witnesses"].push_back(witness_json(witness));
    }
    json["witness_count"] = finding.witness_count;
    if (!finding.diagnosis.empty()) json["diagnosis"] = finding.diagnosis;
    return json;
}

Json gate_json(const Gate& gate) {
    return {{"name", gate.name},
            {"limit", gate.limit},
            {"value", significant(gate.value)},
            {"verdict", to_string(gate.verdict)},
            {"summary", gate.summary}};
}

Json latency_json(const LatencyMs& latency) {
    return {{"p50", rounded(latency.p50)},
            {"p90", rounded(latency.p90)},
            {"p99", rounded(latency.p99)},
            {"p999", rounded(latency.p999)},
            {"max", rounded(latency.max)}};
}

Json storm_json(const StormFigures& storm) {
    Json json = {{"users", storm.users}, {"attempts", storm.attempts}};
    json["outcomes"] = Json::object();
    for (const Outcome outcome : kOutcomes) {
        json["outcomes"][std::string(to_string(outcome))] = storm.count(outcome);
    }
    json["transport_errors"] = Json::object();
    for (const TransportError error : kTransportErrors) {
        const std::int64_t count = storm.transport_errors.at(static_cast<std::size_t>(error));
        if (count != 0) json["transport_errors"][std::string(to_string(error))] = count;
    }
    json["waited"] = storm.waited;
    if (storm.connections_opened) json["connections_opened"] = *storm.connections_opened;
    json["release_spread_ms"] = rounded(storm.release_spread_ms);
    json["send_lag_us_p99"] = rounded(storm.send_lag_us_p99);
    json["latency_ms"] = latency_json(storm.latency_ms);
    json["service_ms"] = latency_json(storm.service_ms);
    json["attempts_per_s"] = rounded(storm.attempts_per_s);
    json["time_to_sold_out_ms"] =
        storm.time_to_sold_out_ms ? rounded(*storm.time_to_sold_out_ms) : Json(nullptr);
    json["duration_ms"] = rounded(storm.duration_ms);
    return json;
}

Json peak_json(const Peak& peak) {
    return {{"value", peak.value}, {"at_ms", rounded(peak.at_ms)}};
}

Json watch_json(const WatchFigures& watch) {
    const auto instant = [](const std::optional<double>& ms) {
        return ms ? rounded(*ms) : Json(nullptr);
    };
    const auto peak = [](const std::optional<Peak>& of) {
        return of ? peak_json(*of) : Json(nullptr);
    };
    return {{"samples", watch.samples},
            {"unread", watch.unread},
            {"first_ms", rounded(watch.first_ms)},
            {"last_ms", rounded(watch.last_ms)},
            {"sold_out_told_ms", instant(watch.sold_out_told_ms)},
            {"sold_out_taken_ms", instant(watch.sold_out_taken_ms)},
            {"sold_out_stored_ms", instant(watch.sold_out_stored_ms)},
            {"converged_ms", instant(watch.converged_ms)},
            {"backlog_max", peak(watch.backlog)},
            {"rows_behind_max", peak(watch.rows_behind)}};
}

}  // namespace

std::string result_to_json(const Result& result) {
    Json json = {{"claimstorm", CLAIMSTORM_VERSION},
                 {"scenario", result.scenario},
                 {"seed", result.seed},
                 {"verdict", to_string(result.verdict)}};
    json["checks"] = Json::array();
    for (const Finding& finding : result.findings) json["checks"].push_back(finding_json(finding));
    json["gates"] = Json::array();
    for (const Gate& gate : result.gates) json["gates"].push_back(gate_json(gate));
    json["storm"] = storm_json(result.storm);
    if (result.watch) json["watch"] = watch_json(*result.watch);
    json["notes"] = result.notes;
    // Names come from services and may be any bytes: those that are no UTF-8 become U+FFFD.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace claimstorm
