#pragma once

#include <string>
#include <vector>

#include "model/result.h"

namespace claimstorm::test {

/// Findings that are not violated, in no order of importance.
inline std::vector<Finding> quiet_findings() {
    Finding lost;
    lost.check = "lost_claims";
    lost.verdict = Verdict::inconclusive;
    lost.summary = "the stores had not settled: 3 requests were still in flight";

    Finding duplicates;
    duplicates.check = "duplicate_users";
    duplicates.verdict = Verdict::holds;
    duplicates.summary = "nobody got more than 1";
    Finding phantoms;
    phantoms.check = "phantom_claims";
    phantoms.verdict = Verdict::holds;
    phantoms.summary = "1,154 new rows explained by what the clients saw";
    phantoms.figures = {{"rows_added", 1154}};

    Finding database;
    database.check = "database_drift";
    database.verdict = Verdict::skipped;
    database.summary = "the target names no remaining column";
    Finding flag = database;
    flag.check = "sold_out_flag";
    Finding promised;
    promised.check = "promised_oversell";
    promised.verdict = Verdict::skipped;
    promised.summary = "no attempt was recorded";
    return {duplicates, lost, phantoms, database, promised, flag};
}

/// A storm that went wrong in each way a report has to show.
inline Result violated_result() {
    Result result;
    result.scenario = "coupon-naive";
    result.seed = 42;
    result.verdict = Verdict::violated;

    Finding oversell;
    oversell.check = "oversell";
    oversell.verdict = Verdict::violated;
    oversell.summary = "1,154 claims for a stock of 1,000: 154 too many";
    oversell.figures = {{"stock", 1000}, {"rows", 1154}, {"excess", 154}, {"rows_before", 0}};
    oversell.diagnosis = {
        "really oversold: 154 rows stored beyond the stock, and 154 too many were "
        "told yes",
        "different users: nobody has more than 1"};
    for (int i = 0; i < 100; ++i) {
        Witness witness;
        witness.user = "u" + std::to_string(i);
        witness.claim_ids = {std::to_string(1001 + i)};
        witness.attempts = {static_cast<std::uint64_t>(2000 + i)};
        witness.what = witness.user + " holds claim " + witness.claim_ids[0] +
                       " and was told granted (attempt " + std::to_string(2000 + i) + ")";
        oversell.witnesses.push_back(witness);
    }
    oversell.witness_count = 154;

    Finding drift;
    drift.check = "cache_drift";
    drift.verdict = Verdict::violated;
    drift.strength = Strength::possible;
    drift.summary =
        "1,000 - 3 in the cache - 1,154 rows = -157: oversell waiting to happen: the "
        "cache still offers 3 units that are gone; 2 attempts without an answer cannot "
        "explain it";
    drift.figures = {{"drift", -157}};
    drift.witnesses = {
        Witness{"redis.remaining is 3 and should be -154", "", {}, {}, "redis.remaining"}};
    drift.witness_count = 1;

    result.findings = quiet_findings();
    result.findings.insert(result.findings.begin(), {oversell, drift});
    result.gates = {{"latency_ms_p99", "< 200", 1234.5678, Verdict::violated,
                     "the slowest 1 % waited longer than the scenario allows"},
                    {"unknown_rate", "< 0.01", 0.0008, Verdict::holds, "shown only when missed"}};
    result.storm.users = 2000;
    result.storm.attempts = 2400;
    result.storm.outcomes = {1154, 1240, 0, 0, 0, 1, 2, 3};
    result.storm.transport_errors[static_cast<std::size_t>(TransportError::timeout)] = 2;
    result.storm.transport_errors[static_cast<std::size_t>(TransportError::connect_refused)] = 3;
    result.storm.waited = 120;
    result.storm.release_spread_ms = 6.2;
    result.storm.send_lag_us_p99 = 80.12345;
    result.storm.latency_ms = {12.34, 20, 35.1, 80.55555, 99.9996};
    result.storm.service_ms = {0.5, 1.25, 9.999, 10.01, 1500};
    result.storm.attempts_per_s = 1935.483870967742;
    result.storm.time_to_sold_out_ms = 310.4;
    result.storm.duration_ms = 1240;
    result.notes = {
        "the cache's user set could not be read: WRONGTYPE Operation against a key "
        "holding the wrong kind of value"};
    return result;
}

/// The same scenario, sound.
inline Result sound_result() {
    Result result;
    result.scenario = "coupon-global-lock-recheck";
    result.seed = 42;
    result.verdict = Verdict::holds;
    for (const char* check : {"oversell", "promised_oversell", "duplicate_users", "lost_claims"}) {
        Finding finding;
        finding.check = check;
        finding.verdict = Verdict::holds;
        finding.summary = "1,000 claims for a stock of 1,000";
        result.findings.push_back(finding);
    }
    result.storm.users = 2000;
    result.storm.attempts = 2400;
    result.storm.outcomes = {1000, 1400, 0, 0, 0, 0, 0, 0};
    result.storm.latency_ms = {120, 240, 1250.4, 1300, 1400};
    result.storm.attempts_per_s = 950;
    result.storm.duration_ms = 2526;
    return result;
}

/// The same, with its stores watched: once with all there may be to see, once with the least.
inline Result watched_result() {
    Result result = sound_result();
    WatchFigures watch;
    watch.samples = 1284;
    watch.unread = 3;
    watch.first_ms = -2.9995;
    watch.last_ms = 3120.25;
    watch.sold_out_told_ms = 1204.5;
    watch.sold_out_taken_ms = 1250;
    watch.sold_out_stored_ms = 2490.1;
    watch.converged_ms = 64.25;
    watch.backlog = Peak{1020, 1180.75};
    watch.rows_behind = Peak{960, 1190};
    result.watch = watch;
    return result;
}
inline Result barely_watched_result() {
    Result result = sound_result();
    result.watch.emplace();
    result.watch->samples = 1;
    result.watch->last_ms = 12;
    result.watch->rows_behind = Peak{0, 12};
    return result;
}

}  // namespace claimstorm::test
