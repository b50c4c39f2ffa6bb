#include "scenarios/run.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"
#include "scenarios/evidence_file.h"
#include "scenarios/final_state.h"
#include "scenarios/judge.h"
#include "scenarios/prepare_target.h"
#include "scenarios/reference_target.h"
#include "scenarios/run_folder.h"
#include "scenarios/scenario_file.h"
#include "stores/evidence_reader.h"
#include "storm/history_file.h"
#include "storm/storm.h"

namespace claimstorm {
namespace {

constexpr const char* kHistoryFile = "history.bin";

void tell(const RunOptions& options, const std::string& phase) {
    if (options.on_phase) options.on_phase(phase);
}

void require_going_on(const std::atomic<bool>& stop) {
    if (stop)
        throw Interrupted("interrupted before the release: nothing was sent, nothing is left");
}

/// Before the storm, evidence that the target names must be there to read; an empty cache key is
/// no fault, since some services fill it at the first claim.
template <typename T>
void require_readable(const Reading<T>& reading) {
    if (reading.is_named() && !reading.is_read() && !reading.is_absent()) {
        throw EnvironmentError(fmt::format(
            "the evidence cannot be read, so no storm was fired: {}; mend the target file's query "
            "or URL",
            reading.why()));
    }
}

void require_readable(const Snapshot& snapshot) {
    require_readable(snapshot.ledger);
    require_readable(snapshot.stock);
    require_readable(snapshot.remaining);
    require_readable(snapshot.sold_out);
    require_readable(snapshot.payouts);
    require_readable(snapshot.cache_remaining);
    require_readable(snapshot.cache_users);
    require_readable(snapshot.locks);
    require_readable(snapshot.backlog);
}

/// The run's target: the scenario's own, or a reference server that lives as long as this.
class ActiveTarget {
  public:
    ActiveTarget(const Scenario& scenario, const RunOptions& options,
                 const std::filesystem::path& folder, std::uint64_t seed,
                 const std::atomic<bool>& stop) {
        if (const auto* reference = std::get_if<ReferenceTarget>(&scenario.target)) {
            tell(options, fmt::format("starting {}{}", reference->flow,
                                      options.mysql_url.empty() ? " on a private lab" : ""));
            running_.emplace(
                *reference,
                ReferenceOptions{options.server_program, folder / "server.log", options.mysql_url,
                                 options.redis_url, seed, [&stop] { return stop.load(); }});
            target_ = &running_->target();
        } else {
            if (!options.mysql_url.empty() || !options.redis_url.empty()) {
                throw UsageError(
                    "--mysql and --redis are for bundled flows; this target file names its own "
                    "stores");
            }
            target_ = &std::get<Target>(scenario.target);
        }
        if (options.transport == TransportKind::chosen) return;
        changed_ = *target_;
        changed_->endpoint.transport.kind = options.transport;
        target_ = &*changed_;
    }
    const Target& operator*() const { return *target_; }
    std::vector<FaultSeen> faults() const {
        return running_ ? running_->faults() : std::vector<FaultSeen>();
    }

  private:
    std::optional<RunningReference> running_;
    std::optional<Target> changed_;
    const Target* target_ = nullptr;
};

/// A client that gave up does not end what the service does for it: where answers are missing, the
/// stores must have been quiet for as long as a client would have waited.
SettleSpec patient_settle(const Scenario& scenario, const History& history) {
    SettleSpec spec = scenario.settle;
    const bool unanswered =
        std::any_of(history.attempts.begin(), history.attempts.end(), [](const Attempt& attempt) {
            return attempt.sent_ns != kNever && attempt.done_ns == kNever;
        });
    if (!unanswered) return spec;
    const auto patience = std::chrono::ceil<std::chrono::milliseconds>(scenario.storm.timeout);
    spec.quiet = std::max(spec.quiet, patience);
    spec.timeout = std::max(spec.timeout, 2 * spec.quiet);
    return spec;
}

/// Runs the target's finish steps on stores at rest. What keeps them from being done must not cost
/// the audit: it is part of the evidence.
void finish_event(const Target& target, Evidence& evidence, EvidenceReader& reader,
                  const SettleSpec& spec, const std::atomic<bool>& stop) {
    if (target.finish.empty()) return;
    // What is left unsettled shows in the reading that follows.
    settle(reader, spec.quiet, spec.timeout, stop);
    if (stop) {
        evidence.finish_failed = "interrupted before them";
        return;
    }
    try {
        finish_target(target, evidence.campaign);
    } catch (const Error& error) {
        evidence.finish_failed = error.what();
    }
}

/// From the first recorded attempt on the folder stays, also when the storm ends in an error.
void fire(const StormOrder& order, const Plan& plan, RunFolder& folder,
          const std::atomic<bool>& stop, const StormListener& listener) {
    const std::filesystem::path history = folder.path() / kHistoryFile;
    try {
        run_storm(order, plan, history, stop, listener);
        folder.keep();
    } catch (...) {
        if (std::filesystem::exists(history)) folder.keep();
        throw;
    }
}

/// Ends the watch and takes what it wrote for the evidence: what is judged now and what `check`
/// judges later are the same.
void take_samples(Watch& watch, const std::filesystem::path& folder, const RunOptions& options,
                  Evidence& evidence, std::vector<std::string>& notes) {
    const std::string why = watch.finish();
    if (!why.empty()) tell(options, "the stores were watched no further: " + why);
    if (auto watched = read_samples(folder)) {
        evidence.samples = std::move(watched->samples);
        if (!watched->cut.empty()) notes.push_back(std::move(watched->cut));
    }
}

}  // namespace

std::uint64_t draw_seed() {
    return std::random_device{}();
}

StormOrder storm_order(const Scenario& scenario, const Target& target, std::uint64_t seed) {
    return {scenario.name, seed, scenario.storm, target.endpoint, scenario.campaign.id, nullptr};
}

FinishedRun run_scenario(const Scenario& scenario, const RunOptions& options,
                         const std::atomic<bool>& stop) {
    require_storm(scenario);
    const std::uint64_t seed = options.seed.value_or(scenario.seed.value_or(draw_seed()));
    const Plan plan(scenario.storm, seed);
    RunFolder folder(options.folder, scenario.name);
    write_scenario(folder.path(), scenario, seed);
    const ActiveTarget target(scenario, options, folder.path(), seed, stop);
    require_going_on(stop);

    StormOrder order = storm_order(scenario, *target, seed);
    require_fireable(order);
    if (options.watch) require_watchable((*target).evidence, scenario.name);
    order.users = make_user_source(order.endpoint, order.spec.users);
    tell(options, "preparing the campaign and reading the stores");
    prepare_target(*target, scenario.campaign);
    EvidenceReader reader((*target).evidence, scenario.campaign);
    Evidence evidence;
    evidence.campaign = scenario.campaign;
    evidence.lock_ttl = (*target).evidence.lock_ttl();
    intern_storm_users(*order.users, evidence.users);
    evidence.before = reader.take(evidence.users, evidence.texts);
    require_readable(evidence.before);
    require_going_on(stop);

    tell(options,
         fmt::format("storm: {} attempts by {} users over {} connections",
                     with_commas(static_cast<std::int64_t>(plan.attempts())),
                     with_commas(scenario.storm.users), with_commas(scenario.storm.connections)));
    StormListener listener{options.on_progress, {}};
    std::optional<Watch> watch;
    if (options.watch) {
        watch.emplace((*target).evidence, scenario.campaign, folder.path(), *options.watch);
        listener.on_release = [&watch](auto release) { watch->begin(release); };
    }
    fire(order, plan, folder, stop, listener);
    if (stop) return {Result{}, folder.path(), true};

    tell(options, "waiting for the stores to settle");
    HistoryContents recorded =
        read_history(folder.path() / kHistoryFile, evidence.users, evidence.texts);
    evidence.history = std::move(recorded.history);
    const SettleSpec patience = patient_settle(scenario, evidence.history);
    finish_event(*target, evidence, reader, patience, stop);
    read_final_state(evidence, reader, patience, stop);
    std::vector<std::string> notes = notes_of(recorded.samples);
    if (watch) take_samples(*watch, folder.path(), options, evidence, notes);
    try {
        evidence.faults = target.faults();
    } catch (const Error& error) {
        evidence.faults_unknown = error.what();
    }
    write_evidence(folder.path(), evidence);

    Result result = judge(scenario, seed, evidence, std::move(notes));
    write_result(folder.path(), result);
    return {std::move(result), folder.path(), stop};
}

}  // namespace claimstorm
