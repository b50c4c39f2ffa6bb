#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/campaign.h"
#include "scenarios/http_call.h"
#include "scenarios/scenario.h"
#include "storm/outcome_explain.h"

namespace claimstorm {

/// What is probed: a target, and the campaign of whom a claim is made.
struct ProbeSubject {
    Target target;
    Campaign campaign;
    std::chrono::nanoseconds timeout{0};  ///< an attempt's, in a storm
};

struct ProbeOptions {
    std::uint32_t user = 1;                          ///< which of the target's users claims, from 1
    std::optional<std::string> campaign;             ///< else the scenario's
    std::optional<std::int64_t> stock;               ///< else the scenario's, or 100
    bool prepare = false;                            ///< run the prepare steps first
    std::function<void(std::string_view)> on_phase;  ///< told what is about to be done
};

/// Loads a target file, or a scenario with one. Throws UsageError, also when nothing says of which
/// campaign.
ProbeSubject load_probe_subject(const std::string& path, const ProbeOptions& options);

/// A request, as a storm would send it, and what came of it.
struct ProbeExchange {
    std::string request;  ///< HTTP/1.1, whole
    std::string error;    ///< why no answer came; empty: one did
    HttpAnswer answer;
    ResponseReading reading;
    std::vector<FieldExplained> fields;  ///< for an outcome that carries any
};

/// What a query or a command answered.
struct EvidenceTold {
    std::string text;     ///< for a person: "1 row, 1 of them u1's (c7)"; or why it was not read
    bool is_read = true;  ///< a cache key that is not there is no fault
    /// For a program: {"rows", 1}, {"of_user", 1}; what is not there has none.
    std::vector<std::pair<std::string, std::int64_t>> numbers = {};
};

/// One piece of evidence that the target names, around the claim.
struct ProbeEvidence {
    std::string name;  ///< "mysql.claims"
    EvidenceTold before;
    EvidenceTold after;

    bool is_read() const noexcept { return before.is_read && after.is_read; }
};

struct Probe {
    /// False: the target names its stores alone. Then they were read once, and nothing was claimed.
    bool is_sent = true;
    std::string base_url;
    std::string campaign;
    std::string user;
    std::chrono::nanoseconds timeout{0};
    ProbeExchange claim;
    std::vector<RuleExplained> rules;  ///< how each read the claim's answer
    std::vector<ProbeExchange> polls;
    std::string poll_end;  ///< how asking ended; empty when it was never begun
    /// What a storm would record, from the claim's answer or a poll's.
    ResponseReading final_reading;
    std::vector<ProbeEvidence> evidence;

    /// A rule fitted (where a claim was sent), and all evidence could be read.
    bool is_understood() const;
    bool is_evidence_read() const;
};

/// Sends one claim, a real one; polls when it is answered `pending`; and reads the evidence before
/// and after. Of a target that names its stores alone the evidence is read, and no more. Throws
/// UsageError, or EnvironmentError when the service does not answer or a prepare
/// step fails. `stop` ends the polling.
Probe run_probe(const ProbeSubject& subject, const ProbeOptions& options,
                const std::atomic<bool>& stop);

}  // namespace claimstorm
