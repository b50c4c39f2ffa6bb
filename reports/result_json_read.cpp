#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "model/units.h"
#include "reports/result_json.h"

namespace claimstorm {
namespace {

using Json = nlohmann::ordered_json;

/// A value of the document and the JSON pointer that leads to it. Keys that nobody asks for are
/// left alone, so that the result of a newer version can be read.
class Node {
  public:
    Node(const Json& json, std::string pointer) : json_(json), pointer_(std::move(pointer)) {}

    bool has(const char* key) const { return json_.is_object() && json_.contains(key); }

    Node at(const std::string& key) const {
        if (!json_.is_object()) fail("is no object");
        const auto found = json_.find(key);
        if (found == json_.end()) fail(fmt::format("lacks the key \"{}\"", key));
        return {*found, pointer_ + "/" + key};
    }

    template <typename Visit>
    void each_element(Visit visit) const {
        if (!json_.is_array()) fail("is no array");
        for (std::size_t at = 0; at < json_.size(); ++at) {
            visit(Node(json_[at], fmt::format("{}/{}", pointer_, at)));
        }
    }

    template <typename Visit>
    void each_member(Visit visit) const {
        if (!json_.is_object()) fail("is no object");
        for (const auto& [key, value] : json_.items()) {
            visit(key, Node(value, pointer_ + "/" + key));
        }
    }

    std::string text() const {
        if (!json_.is_string()) fail("is no string");
        return json_.get<std::string>();
    }

    std::int64_t integer() const {
        const bool too_large =
            json_.is_number_unsigned() &&
            json_.get<std::uint64_t>() >
                static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (!json_.is_number_integer() || too_large) fail("is no 64-bit integer");
        return json_.get<std::int64_t>();
    }

    std::uint64_t natural() const {
        if (!json_.is_number_unsigned()) fail("is no integer of 0 or more");
        return json_.get<std::uint64_t>();
    }

    bool is_null() const { return json_.is_null(); }

    /// null stands for a figure that was no number.
    double number() const {
        if (json_.is_null()) return std::numeric_limits<double>::quiet_NaN();
        if (!json_.is_number()) fail("is no number");
        return json_.get<double>();
    }

    [[noreturn]] void fail(const std::string& what) const {
        throw UsageError(
            fmt::format("result.json: {} {}; `claimstorm check` on its run folder writes it anew",
                        pointer_.empty() ? "the document" : pointer_, what));
    }

  private:
    const Json& json_;
    std::string pointer_;
};

/// The value that `from_text` gives for a name, which must be one of `words`.
template <typename From>
auto read_word(const Node& node, const std::string& name, From from_text,
               const std::vector<std::string_view>& words) {
    const auto value = from_text(name);
    if (value) return *value;
    const auto meant = did_you_mean(name, words);
    node.fail(fmt::format("is '{}', which is none of {}{}", name, fmt::join(words, ", "),
                          meant ? fmt::format("; did you mean '{}'?", *meant) : ""));
}

Verdict read_verdict(const Node& node) {
    return read_word(node, node.text(), verdict_from,
                     {"holds", "violated", "inconclusive", "skipped"});
}

Strength read_strength(const Node& node) {
    const auto from_text = [](std::string_view name) -> std::optional<Strength> {
        if (name == "definite") return Strength::definite;
        if (name == "possible") return Strength::possible;
        return std::nullopt;
    };
    return read_word(node, node.text(), from_text, {"definite", "possible"});
}

Witness read_witness(const Node& node) {
    Witness witness;
    witness.what = node.at("what").text();
    if (node.has("user")) witness.user = node.at("user").text();
    if (node.has("claim_ids")) {
        node.at("claim_ids").each_element([&](const Node& id) {
            witness.claim_ids.push_back(id.text());
        });
    }
    if (node.has("attempts")) {
        node.at("attempts").each_element([&](const Node& attempt) {
            witness.attempts.push_back(attempt.natural());
        });
    }
    if (node.has("key")) witness.key = node.at("key").text();
    return witness;
}

Finding read_finding(const Node& node) {
    Finding finding;
    finding.check = node.at("name").text();
    finding.verdict = read_verdict(node.at("verdict"));
    if (node.has("strength")) finding.strength = read_strength(node.at("strength"));
    finding.summary = node.at("summary").text();
    node.at("figures").each_member([&](const std::string& name, const Node& value) {
        finding.figures.push_back({name, value.integer()});
    });
    node.at("witnesses").each_element([&](const Node& witness) {
        finding.witnesses.push_back(read_witness(witness));
    });
    finding.witness_count = node.at("witness_count").natural();
    if (node.has("diagnosis")) {
        node.at("diagnosis").each_element([&](const Node& line) {
            finding.diagnosis.push_back(line.text());
        });
    }
    return finding;
}

Gate read_gate(const Node& node) {
    Gate gate;
    gate.name = node.at("name").text();
    gate.limit = node.at("limit").text();
    gate.value = node.at("value").number();
    gate.verdict = read_verdict(node.at("verdict"));
    if (node.has("summary")) gate.summary = node.at("summary").text();
    return gate;
}

LatencyMs read_latency(const Node& node) {
    return {node.at("p50").number(), node.at("p90").number(), node.at("p99").number(),
            node.at("p999").number(), node.at("max").number()};
}

/// Counts by name: an outcome or a transport error each.
template <typename Counts, typename From, typename All>
void read_counts(const Node& node, Counts& counts, From from_text, const All& all) {
    std::vector<std::string_view> words;
    words.reserve(all.size());
    for (const auto value : all) words.push_back(to_string(value));
    node.each_member([&](const std::string& name, const Node& value) {
        const auto index = read_word(value, name, from_text, words);
        counts.at(static_cast<std::size_t>(index)) = value.integer();
    });
}

StormFigures read_storm(const Node& node) {
    StormFigures storm;
    storm.users = node.at("users").integer();
    storm.attempts = node.at("attempts").integer();
    read_counts(node.at("outcomes"), storm.outcomes, outcome_from, kOutcomes);
    read_counts(node.at("transport_errors"), storm.transport_errors, transport_error_from,
                kTransportErrors);
    if (node.has("waited")) storm.waited = node.at("waited").integer();
    if (node.has("connections_opened")) {
        storm.connections_opened = node.at("connections_opened").integer();
    }
    storm.release_spread_ms = node.at("release_spread_ms").number();
    storm.send_lag_us_p99 = node.at("send_lag_us_p99").number();
    storm.latency_ms = read_latency(node.at("latency_ms"));
    storm.service_ms = read_latency(node.at("service_ms"));
    storm.attempts_per_s = node.at("attempts_per_s").number();
    const Node sold_out = node.at("time_to_sold_out_ms");
    if (!sold_out.is_null()) storm.time_to_sold_out_ms = sold_out.number();
    storm.duration_ms = node.at("duration_ms").number();
    return storm;
}

WatchFigures read_watch(const Node& node) {
    const auto instant = [&node](const char* key, std::optional<double>& ms) {
        if (const Node found = node.at(key); !found.is_null()) ms = found.number();
    };
    const auto peak = [&node](const char* key, std::optional<Peak>& of) {
        const Node found = node.at(key);
        if (!found.is_null()) of = Peak{found.at("value").integer(), found.at("at_ms").number()};
    };
    WatchFigures watch;
    watch.samples = node.at("samples").integer();
    watch.unread = node.at("unread").integer();
    watch.first_ms = node.at("first_ms").number();
    watch.last_ms = node.at("last_ms").number();
    instant("sold_out_told_ms", watch.sold_out_told_ms);
    instant("sold_out_taken_ms", watch.sold_out_taken_ms);
    instant("sold_out_stored_ms", watch.sold_out_stored_ms);
    instant("converged_ms", watch.converged_ms);
    peak("backlog_max", watch.backlog);
    peak("rows_behind_max", watch.rows_behind);
    return watch;
}

Json parse(const std::string& text) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& error) {
        const std::size_t at = std::min(text.size(), error.byte > 0 ? error.byte - 1 : 0);
        const auto line =
            1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        throw UsageError(fmt::format(
            "result.json: no JSON any more at line {} (byte {} of {}); `claimstorm check` on its "
            "run folder writes it anew",
            line, at, text.size()));
    } catch (const Json::exception& error) {  // a number that no double holds
        throw UsageError(fmt::format(
            "result.json: {}; `claimstorm check` on its run folder writes it anew", error.what()));
    }
}

}  // namespace

Result result_from_json(const std::string& text) {
    const Json json = parse(text);
    const Node root(json, "");
    Result result;
    result.scenario = root.at("scenario").text();
    result.seed = root.at("seed").natural();
    result.verdict = read_verdict(root.at("verdict"));
    root.at("checks").each_element(
        [&](const Node& node) { result.findings.push_back(read_finding(node)); });
    root.at("gates").each_element(
        [&](const Node& node) { result.gates.push_back(read_gate(node)); });
    result.storm = read_storm(root.at("storm"));
    if (root.has("watch")) result.watch = read_watch(root.at("watch"));
    if (root.has("notes")) {
        root.at("notes").each_element(
            [&](const Node& node) { result.notes.push_back(node.text()); });
    }
    return result;
}

}  // namespace claimstorm
