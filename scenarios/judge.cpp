#include "scenarios/judge.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "checkers/carried.h"
#include "checkers/check.h"
#include "checkers/live_balance.h"
#include "checkers/watch_figures.h"
#include "model/error.h"
#include "reports/result_json.h"
#include "reports/text_report.h"
#include "scenarios/evidence_file.h"
#include "scenarios/gates.h"
#include "scenarios/run_folder.h"
#include "scenarios/samples_file.h"
#include "scenarios/scenario_file.h"
#include "storm/figures.h"
#include "storm/history_file.h"

namespace claimstorm {

namespace {

/// The others stay numbered as they are in the file.
void set_aside_other_campaigns(History& history) {
    for (std::size_t at = 0; at < history.attempts.size(); ++at) {
        const Attempt attempt = history.attempts[at];
        if (attempt.campaign == 0) continue;
        Attempt nothing;
        nothing.user = attempt.user;
        nothing.number = attempt.number;
        nothing.campaign = attempt.campaign;
        history.attempts.set(at, nothing);
    }
}

bool names_stores(const Scenario& scenario) {
    const auto* target = std::get_if<Target>(&scenario.target);
    return target != nullptr && (target->evidence.mysql || target->evidence.redis);
}

/// The scenario's checks; those that are required are run, whatever it lists, and so is what asks
/// for samples where there are some: whoever watches wants to know.
std::vector<Finding> run_wanted_checks(const Scenario& scenario, const Evidence& evidence) {
    std::vector<std::string> wanted = scenario.checks;
    if (wanted.empty() && !scenario.no_checks) {
        for (const Check& check : all_checks()) {
            if (!check.needs_samples) wanted.emplace_back(check.name);
        }
    }
    wanted.insert(wanted.end(), scenario.require.begin(), scenario.require.end());
    if (evidence.samples && !scenario.no_checks) wanted.emplace_back(kLiveBalance);
    return wanted.empty() ? std::vector<Finding>() : run_checks(evidence, wanted);
}

/// Inconclusive when one of them was skipped: what it was to prove was not looked at.
Gate required_checks(const std::vector<std::string>& required,
                     const std::vector<Finding>& findings) {
    std::vector<std::string> skipped;
    for (const Finding& finding : findings) {
        const bool wanted =
            std::find(required.begin(), required.end(), finding.check) != required.end();
        if (wanted && finding.verdict == Verdict::skipped) skipped.push_back(finding.check);
    }
    Gate gate{"required_checks", "<= 0", static_cast<double>(skipped.size()), Verdict::holds, {}};
    if (!skipped.empty()) {
        gate.verdict = Verdict::inconclusive;
        gate.summary = fmt::format("required and yet skipped: {}", fmt::join(skipped, ", "));
    }
    return gate;
}

}  // namespace

Result judge(const Scenario& scenario, std::uint64_t seed, Evidence& evidence,
             std::vector<std::string> notes) {
    Result result;
    result.scenario = scenario.name;
    result.seed = seed;
    result.storm = storm_figures(evidence.history);
    set_aside_other_campaigns(evidence.history);
    result.findings = run_wanted_checks(scenario, evidence);
    result.watch = watch_figures(evidence);
    const HistoryOrigin origin = evidence.history.origin;
    result.gates = built_in_gates(scenario, result.storm, origin);
    for (Gate& gate : judge_gates(scenario.gates, result.storm, origin)) {
        result.gates.push_back(std::move(gate));
    }
    if (!scenario.require.empty()) {
        result.gates.push_back(required_checks(scenario.require, result.findings));
    }
    if (!evidence.history.missing_tail.empty()) {
        notes.insert(notes.begin(), "history.bin: " + evidence.history.missing_tail);
        // Whatever holds then, holds for a part of the storm only.
        result.gates.push_back(
            {"history_complete", "== 1", 0, Verdict::inconclusive,
             "the history is damaged or cut off: " + evidence.history.missing_tail});
    }
    if (!evidence.audited && origin == HistoryOrigin::imported) {
        if (names_stores(scenario)) {
            notes.emplace_back(
                "the log was imported, no store was read: 'claimstorm audit SCENARIO --run RUN' "
                "reads them as well");
        }
    } else if (!evidence.audited && !scenario.no_checks) {
        result.gates.push_back({"audit_done", "== 1", 0, Verdict::inconclusive,
                                evidence.settlement.why_not + ": run it again"});
    }
    if (evidence.audited && !evidence.has_baseline && evidence.after.ledger.is_named()) {
        notes.emplace_back(
            "no baseline: nobody read the stores before, they are taken to have been empty");
    }
    for (std::string& note : notes_on_columns(evidence.after)) notes.push_back(std::move(note));
    for (const FaultSeen& fault : evidence.faults) {
        if (fault.fired > 0) continue;
        result.gates.push_back(
            {"failpoint_fired", ">= 1", 0, Verdict::inconclusive,
             fmt::format("{}={} never fired, its step was hit {} times: what it was to show was "
                         "not tested",
                         fault.step, fault.rule, fault.hits)});
    }
    if (!evidence.faults_unknown.empty()) {
        result.gates.push_back(
            {"failpoint_fired", ">= 1", 0, Verdict::inconclusive,
             "the target could not be asked which failpoints fired: " + evidence.faults_unknown});
    }
    if (!evidence.finish_failed.empty()) {
        result.gates.push_back({"finish_done", "== 1", 0, Verdict::inconclusive,
                                "the finish steps were not all done: " + evidence.finish_failed});
    }
    result.notes = std::move(notes);
    result.verdict = combine(result.findings, result.gates);
    return result;
}

std::vector<std::string> notes_of(const std::vector<UnmatchedSample>& samples) {
    std::vector<std::string> notes;
    notes.reserve(samples.size());
    for (const UnmatchedSample& sample : samples) {
        notes.push_back(fmt::format("no outcome rule fitted status {} with body '{}'",
                                    sample.http_status, sample.body));
    }
    return notes;
}

namespace {

/// What cannot be read of the stores is not known; what the clients were told still is.
void load_evidence(const std::filesystem::path& folder, LoadedRun& run) {
    std::error_code error;
    Evidence& evidence = run.evidence;
    std::string why = "the run ended before the stores were read";
    if (std::filesystem::exists(folder / "evidence.json", error)) {
        try {
            read_evidence(folder, evidence);
            return;
        } catch (const UsageError& broken) {
            why = broken.what();
        }
        evidence.before = {};
        evidence.after = {};
        evidence.faults.clear();
        evidence.settlement = {};
    } else if (!run.scenario.no_checks && evidence.history.origin == HistoryOrigin::storm) {
        run.notes.emplace_back("evidence.json is missing: the run ended before the audit");
    }
    evidence.audited = false;
    evidence.settlement.why_not = std::move(why);
}

}  // namespace

LoadedRun load_run(const std::filesystem::path& folder) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) {
        throw UsageError(fmt::format("there is no run folder '{}'", folder.string()));
    }
    if (!std::filesystem::exists(folder / "scenario.json", error) ||
        !std::filesystem::exists(folder / "history.bin", error)) {
        throw UsageError(fmt::format(
            "'{}' is not a run folder: it needs scenario.json and history.bin", folder.string()));
    }
    LoadedRun run;
    run.scenario = load_scenario_file((folder / "scenario.json").string());
    run.seed = run.scenario.seed.value_or(0);
    run.evidence.campaign = run.scenario.campaign;
    if (const auto* target = std::get_if<Target>(&run.scenario.target)) {
        run.evidence.lock_ttl = target->evidence.lock_ttl();
    }
    HistoryContents contents =
        read_history(folder / "history.bin", run.evidence.users, run.evidence.texts);
    run.evidence.history = std::move(contents.history);
    load_evidence(folder, run);
    for (std::string& note : notes_of(contents.samples)) run.notes.push_back(std::move(note));
    if (auto watched = read_samples(folder)) {
        run.evidence.samples = std::move(watched->samples);
        if (!watched->cut.empty()) run.notes.push_back(std::move(watched->cut));
    }
    return run;
}

void write_result(const std::filesystem::path& folder, const Result& result) {
    write_text_file(folder / "report.txt", text_report(result, TextStyle{}));
    write_text_file(folder / "result.json", result_to_json(result));
}

bool matches_expectation(const Result& result, const Expectation& expectation,
                         std::string& difference) {
    const std::set<std::string> expected(expectation.violated.begin(), expectation.violated.end());
    const std::set<std::string> allowed(expectation.may.begin(), expectation.may.end());
    std::set<std::string> found;
    std::vector<std::string> inconclusive;
    const auto sort_in = [&](const std::string& name, Verdict verdict) {
        if (verdict == Verdict::violated) found.insert(name);
        if (verdict == Verdict::inconclusive) inconclusive.push_back(name);
    };
    for (const Finding& finding : result.findings) sort_in(finding.check, finding.verdict);
    for (const Gate& gate : result.gates) sort_in(gate.name, gate.verdict);
    std::vector<std::string> missing;
    std::vector<std::string> unexpected;
    std::set_difference(expected.begin(), expected.end(), found.begin(), found.end(),
                        std::back_inserter(missing));
    std::set_difference(found.begin(), found.end(), expected.begin(), expected.end(),
                        std::back_inserter(unexpected));
    std::vector<std::string> parts;
    std::erase_if(unexpected, [&](const std::string& name) { return allowed.contains(name); });
    if (!missing.empty()) parts.push_back(fmt::format("not found: {}", fmt::join(missing, ", ")));
    if (!unexpected.empty()) {
        parts.push_back(fmt::format("found, not expected: {}", fmt::join(unexpected, ", ")));
    }
    if (!inconclusive.empty()) {
        parts.push_back(fmt::format("inconclusive: {}", fmt::join(inconclusive, ", ")));
    }
    difference = fmt::format("{}", fmt::join(parts, "; "));
    return parts.empty();
}

}  // namespace claimstorm
