#include "scenarios/evidence_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/error.h"
#include "scenarios/json_place.h"
#include "scenarios/ledger_file.h"
#include "scenarios/run_folder.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

constexpr const char* kEvidenceFile = "evidence.json";
constexpr const char* kLedgerFile = "ledger.bin";

/// A member for a reading: absent when not named, {"unreadable": why} when not read, else what
/// `value_to_json` makes of it.
template <typename T, typename ToJson>
void put(ordered_json& json, const char* key, const Reading<T>& reading, ToJson&& value_to_json) {
    if (!reading.is_named()) return;
    if (reading.is_read()) {
        json[key] = value_to_json(reading.value());
        return;
    }
    json[key]["unreadable"] = reading.why();
    if (reading.is_absent()) json[key]["absent"] = true;
}

template <typename T, typename FromJson>
void get(const JsonPlace& place, const char* key, Reading<T>& reading, FromJson&& value_from_json) {
    const auto found = place.find(key);
    if (!found) return;
    if (found->value().is_object() && found->find("unreadable")) {
        const auto absent = found->find("absent");
        reading = Unreadable{found->at("unreadable").string(), absent && absent->boolean()};
    } else {
        reading = value_from_json(*found);
    }
}

ordered_json snapshot_to_json(const Snapshot& snapshot) {
    ordered_json json = ordered_json::object();
    const auto as_is = [](const auto& value) { return ordered_json(value); };
    put(json, "claims", snapshot.ledger, [](const Ledger& ledger) {
        return ordered_json{{"rows", ledger.rows.size()}, {"file", kLedgerFile}};
    });
    put(json, "stock", snapshot.stock, as_is);
    put(json, "remaining", snapshot.remaining, as_is);
    put(json, "sold_out", snapshot.sold_out, as_is);
    put(json, "payouts", snapshot.payouts, [](const Payouts& payouts) {
        return ordered_json{{"rows", payouts.rows.size()}, {"file", kLedgerFile}};
    });
    put(json, "cache_remaining", snapshot.cache_remaining, as_is);
    put(json, "cache_users", snapshot.cache_users, [](const std::vector<UserId>& users) {
        return ordered_json{{"members", users.size()}, {"file", kLedgerFile}};
    });
    put(json, "locks", snapshot.locks, [](const std::vector<LockSeen>& locks) {
        ordered_json list = ordered_json::array();
        for (const LockSeen& lock : locks) {
            list.push_back({{"key", lock.key}, {"pttl_ms", lock.pttl_ms}});
        }
        return list;
    });
    put(json, "backlog", snapshot.backlog, as_is);
    return json;
}

std::int64_t any_number(const JsonPlace& place) {
    if (!place.value().is_number_integer()) place.fail("a whole number is wanted here");
    return place.value().get<std::int64_t>();
}

Snapshot snapshot_from_json(const JsonPlace& place) {
    place.require_keys({"claims", "stock", "remaining", "sold_out", "payouts", "cache_remaining",
                        "cache_users", "locks", "backlog"});
    Snapshot snapshot;
    get(place, "claims", snapshot.ledger, [](const JsonPlace&) { return Ledger{}; });
    get(place, "stock", snapshot.stock, any_number);
    get(place, "remaining", snapshot.remaining, any_number);
    get(place, "sold_out", snapshot.sold_out,
        [](const JsonPlace& value) { return value.boolean(); });
    get(place, "payouts", snapshot.payouts, [](const JsonPlace&) { return Payouts{}; });
    get(place, "cache_remaining", snapshot.cache_remaining, any_number);
    get(place, "cache_users", snapshot.cache_users,
        [](const JsonPlace&) { return std::vector<UserId>{}; });
    get(place, "locks", snapshot.locks, [](const JsonPlace& list) {
        std::vector<LockSeen> locks;
        for (const JsonPlace& lock : list.items()) {
            locks.push_back({lock.at("key").string(), any_number(lock.at("pttl_ms"))});
        }
        return locks;
    });
    get(place, "backlog", snapshot.backlog, any_number);
    return snapshot;
}

/// The rows that evidence.json promises must be those that ledger.bin gave.
template <typename T, typename Size>
void require_count(const JsonPlace& snapshot, const char* key, const char* count_key,
                   Reading<T>& reading, Size&& size) {
    if (!reading.is_read()) return;
    const std::int64_t promised = any_number(snapshot.at(key).at(count_key));
    const auto found = static_cast<std::int64_t>(size(*reading));
    if (promised != found) {
        reading =
            Unreadable{fmt::format("{} holds {} of {} {}", kLedgerFile, found, promised, key)};
    }
}

void require_counts(const JsonPlace& place, Snapshot& snapshot) {
    require_count(place, "claims", "rows", snapshot.ledger,
                  [](const Ledger& ledger) { return ledger.rows.size(); });
    require_count(place, "payouts", "rows", snapshot.payouts,
                  [](const Payouts& payouts) { return payouts.rows.size(); });
    require_count(place, "cache_users", "members", snapshot.cache_users,
                  [](const std::vector<UserId>& users) { return users.size(); });
}

}  // namespace

void write_evidence(const std::filesystem::path& folder, const Evidence& evidence) {
    write_ledger_file(folder / kLedgerFile, evidence);
    ordered_json json;
    json["settlement"] = {{"settled", evidence.settlement.settled},
                          {"waited_ms", evidence.settlement.waited.count()},
                          {"why_not", evidence.settlement.why_not}};
    for (const FaultSeen& fault : evidence.faults) {
        json["faults"].push_back({{"step", fault.step},
                                  {"do", fault.rule},
                                  {"hits", fault.hits},
                                  {"fired", fault.fired}});
    }
    if (!evidence.faults_unknown.empty()) json["faults_unknown"] = evidence.faults_unknown;
    if (!evidence.finish_failed.empty()) json["finish_failed"] = evidence.finish_failed;
    if (evidence.lock_ttl) json["lock_ttl_ms"] = evidence.lock_ttl->count();
    if (!evidence.has_baseline) json["has_baseline"] = false;
    json["before"] = snapshot_to_json(evidence.before);
    json["after"] = snapshot_to_json(evidence.after);
    write_text_file(folder / kEvidenceFile,
                    json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n");
}

void read_evidence(const std::filesystem::path& folder, Evidence& evidence) {
    const std::string file = (folder / kEvidenceFile).string();
    const nlohmann::json document = parse_json_text(read_text_file(file, "the evidence"), file);
    const JsonPlace place(document, file);
    place.require_keys({"settlement", "faults", "faults_unknown", "finish_failed", "lock_ttl_ms",
                        "has_baseline", "before", "after"});
    const JsonPlace settlement = place.at("settlement");
    evidence.settlement.settled = settlement.at("settled").boolean();
    evidence.settlement.waited = std::chrono::milliseconds(settlement.at("waited_ms").count(0));
    evidence.settlement.why_not = settlement.at("why_not").string();
    if (const auto why = place.find("faults_unknown")) evidence.faults_unknown = why->string();
    if (const auto why = place.find("finish_failed")) evidence.finish_failed = why->string();
    if (const auto ttl = place.find("lock_ttl_ms")) {
        constexpr std::int64_t kMillisecondsMax =
            1'000'000'000'000;  // as nanoseconds they fit 64 bits
        evidence.lock_ttl = std::chrono::milliseconds(ttl->count(1, kMillisecondsMax));
    }
    if (const auto has = place.find("has_baseline")) evidence.has_baseline = has->boolean();
    if (const auto faults = place.find("faults")) {
        for (const JsonPlace& fault : faults->items()) {
            evidence.faults.push_back({fault.at("step").string(), fault.at("do").string(),
                                       any_number(fault.at("hits")),
                                       any_number(fault.at("fired"))});
        }
    }
    evidence.before = snapshot_from_json(place.at("before"));
    evidence.after = snapshot_from_json(place.at("after"));
    read_ledger_file(folder / kLedgerFile, evidence);
    require_counts(place.at("before"), evidence.before);
    require_counts(place.at("after"), evidence.after);
}

}  // namespace claimstorm
