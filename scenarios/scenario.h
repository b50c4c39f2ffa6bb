#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/campaign.h"
#include "stores/evidence_spec.h"
#include "storm/spec.h"

namespace claimstorm {

/// A control-plane request that prepares the target, e.g. "create the campaign".
struct HttpStep {
    RequestSpec request;
};

using PrepareStep = std::variant<HttpStep, SqlStep, RedisStep>;

/// A service under test: how it is reached, prepared and read.
struct Target {
    EndpointSpec endpoint;
    std::vector<std::string> hosts_allowed;
    std::vector<PrepareStep> prepare;
    std::vector<PrepareStep> finish;  ///< run once the storm has settled, before the final audit
    EvidenceSpec evidence;
    /// No service is named, only its stores: they can be audited, nothing can be fired.
    bool stores_only = false;
};

/// A flow of claimstorm-server, started for the run on a private lab.
struct ReferenceTarget {
    std::string flow;
    std::map<std::string, std::string> options;
    std::vector<std::string> failpoints;  ///< "STEP=ACTION[@WHEN]"
    std::uint32_t workers = 0;            ///< 0: the server's default
    std::uint32_t restarts = 0;           ///< how often a crashed server is started again
    std::vector<std::string> finish;  ///< "reconcile", "close": asked of it before the final audit
};

/// No service is named: there is a log to judge, and nothing to fire at or to read.
struct NoTarget {};

struct SettleSpec {
    std::chrono::milliseconds quiet{300};       ///< two equal reads this far apart
    std::chrono::milliseconds timeout{10'000};  ///< then the evidence is unsettled
};

/// A limit on one of the storm's figures, e.g. latency_ms_p99 < 200.
struct GateSpec {
    std::string name;
    std::string limit;  ///< "< 200", "<= 1", "> 0", ">= 100"
};

/// What a run of this scenario is known to find. `run --expect` exits 0 when exactly this is found.
struct Expectation {
    std::vector<std::string> violated;  ///< names of checks and gates that must be
    std::vector<std::string> may = {};  ///< consequences of those that may be violated too, or not
};

struct Scenario {
    std::string name;
    std::string about;
    std::string condition;  ///< what the target is put to, in a few words, for tables
    std::variant<ReferenceTarget, Target, NoTarget> target;
    Campaign campaign;
    StormSpec storm;
    bool has_storm = true;              ///< false: there is nothing to fire, only to judge
    std::optional<std::uint64_t> seed;  ///< none: drawn for each run
    SettleSpec settle;
    std::vector<std::string> checks;        ///< empty: all
    bool no_checks = false;                 ///< load only: the gates decide
    std::vector<std::string> require = {};  ///< checks that must not be skipped
    std::vector<GateSpec> gates;
    std::optional<Expectation> expect;
};

}  // namespace claimstorm
