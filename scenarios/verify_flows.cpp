#include "scenarios/verify_flows.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "lab/lab.h"
#include "model/error.h"
#include "model/result.h"
#include "scenarios/judge.h"
#include "scenarios/run.h"
#include "scenarios/scenario_file.h"

namespace claimstorm {
namespace {

std::vector<std::string> violated_in(const Result& result) {
    std::vector<std::string> names;
    for (const Finding& finding : result.findings) {
        if (finding.verdict == Verdict::violated) names.push_back(finding.check);
    }
    for (const Gate& gate : result.gates) {
        if (gate.verdict == Verdict::violated) names.push_back(gate.name);
    }
    return names;
}

/// Whether something of it could not be judged.
bool is_unjudged(const Result& result) {
    const auto unclear = [](const auto& one) { return one.verdict == Verdict::inconclusive; };
    return std::any_of(result.findings.begin(), result.findings.end(), unclear) ||
           std::any_of(result.gates.begin(), result.gates.end(), unclear);
}

bool found_too_much(const Result& result, const Expectation& expected) {
    const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    const std::vector<std::string> found = violated_in(result);
    return !std::all_of(found.begin(), found.end(), [&](const std::string& name) {
        return is_in(expected.violated, name) || is_in(expected.may, name);
    });
}

/// The folder of the run folders. What it made and nobody filled is removed in the end.
class VerifyFolder {
  public:
    explicit VerifyFolder(std::filesystem::path path) : path_(std::move(path)) {
        std::error_code error;
        if (std::filesystem::exists(path_, error) && !std::filesystem::is_empty(path_, error)) {
            throw UsageError(
                fmt::format("the folder '{}' is not empty; name a new one", path_.string()));
        }
        parent_existed_ = std::filesystem::exists(path_.parent_path(), error);
    }
    ~VerifyFolder() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);  // fails where something was kept, as it should
        if (!parent_existed_) std::filesystem::remove(path_.parent_path(), ignored);
    }
    VerifyFolder(const VerifyFolder&) = delete;
    VerifyFolder& operator=(const VerifyFolder&) = delete;

  private:
    std::filesystem::path path_;
    bool parent_existed_ = true;
};

class Verifier {
  public:
    Verifier(const VerifyOptions& options, const std::atomic<bool>& stop)
        : options_(options), stop_(stop), lab_(lab_options(stop)) {}

    VerifiedCondition verify(const Scenario& scenario) {
        VerifiedCondition verified;
        verified.scenario = scenario.name;
        verified.flow = std::get<ReferenceTarget>(scenario.target).flow;
        verified.condition = scenario.condition;
        verified.expected = *scenario.expect;
        for (std::uint32_t i = 0; i < options_.repeat; ++i) {
            run_once(scenario, options_.seed + i, verified);
        }
        return verified;
    }

  private:
    static LabOptions lab_options(const std::atomic<bool>& stop) {
        LabOptions lab;
        lab.cancelled = [&stop] { return stop.load(); };
        return lab;
    }

    FinishedRun fire(const Scenario& scenario, std::uint64_t seed) {
        RunOptions run;
        run.seed = seed;
        folder_ = options_.folder / fmt::format("{}-{}-{}", scenario.name, seed, ++fired_);
        run.folder = folder_;
        run.server_program = options_.server_program;
        run.mysql_url = lab_.mysql_url();
        run.redis_url = lab_.redis_url();
        FinishedRun finished = run_scenario(scenario, run, stop_);
        if (finished.interrupted) throw Interrupted("interrupted: nothing was verified to its end");
        return finished;
    }

    /// A condition that cannot be run is a miss, not the end of the others.
    void run_once(const Scenario& scenario, std::uint64_t seed, VerifiedCondition& verified) {
        try {
            judge_once(scenario, seed, verified);
        } catch (const Interrupted&) {
            throw;
        } catch (const Error& error) {
            ++verified.runs;
            const bool is_kept = std::filesystem::exists(folder_);
            verified.misses.push_back(
                {seed, fmt::format("did not run: {}", error.what()), is_kept ? folder_ : ""});
        }
    }

    void judge_once(const Scenario& scenario, std::uint64_t seed, VerifiedCondition& verified) {
        FinishedRun finished = fire(scenario, seed);
        // What was found and not expected stays found, however busy the machine was.
        if (is_unjudged(finished.result) && !found_too_much(finished.result, *scenario.expect)) {
            ++verified.fired_again;
            remove_folder(finished.folder);
            finished = fire(scenario, seed);
        }
        ++verified.runs;
        for (const std::string& name : violated_in(finished.result)) ++verified.found[name];
        std::string difference;
        if (matches_expectation(finished.result, *scenario.expect, difference)) {
            ++verified.as_expected;
            remove_folder(finished.folder);
        } else {
            verified.misses.push_back({seed, difference, finished.folder});
        }
    }

    static void remove_folder(const std::filesystem::path& folder) {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    const VerifyOptions& options_;
    const std::atomic<bool>& stop_;
    Lab lab_;
    std::uint64_t fired_ = 0;
    std::filesystem::path folder_;  ///< of the run fired last
};

}  // namespace

std::vector<VerifiedCondition> verify_flows(const std::vector<std::string>& scenarios,
                                            const VerifyOptions& options,
                                            const std::atomic<bool>& stop) {
    std::vector<Scenario> loaded;
    loaded.reserve(scenarios.size());
    for (const std::string& name : scenarios) {
        Scenario scenario = load_scenario(name);
        if (!scenario.expect || !std::holds_alternative<ReferenceTarget>(scenario.target)) {
            throw UsageError(fmt::format(
                "{} cannot be verified: it needs a bundled flow and \"expect\"", scenario.name));
        }
        loaded.push_back(std::move(scenario));
    }
    const VerifyFolder folder(options.folder);
    Verifier verifier(options, stop);
    if (options.on_ready) options.on_ready();
    std::vector<VerifiedCondition> verified;
    verified.reserve(loaded.size());
    for (const Scenario& scenario : loaded) {
        if (stop) throw Interrupted("interrupted: the conditions that were left are not verified");
        verified.push_back(verifier.verify(scenario));
        if (options.on_end) options.on_end(verified.back());
    }
    return verified;
}

}  // namespace claimstorm
