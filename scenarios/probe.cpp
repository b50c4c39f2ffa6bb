#include "scenarios/probe.h"

#include <algorithm>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "model/error.h"
#include "model/units.h"
#include "scenarios/prepare_target.h"
#include "scenarios/probe_evidence.h"
#include "scenarios/scenario_file.h"
#include "scenarios/target_file.h"
#include "storm/address.h"
#include "storm/polling.h"
#include "storm/request_template.h"
#include "storm/response_parser.h"
#include "storm/storm.h"

namespace claimstorm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBodyBytesMax = ResponseParser::kBodyBytesMax;
constexpr int kPollsMax = 1000;

bool is_target_file(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return false;
    const nlohmann::json document = parse_json_text(read_text_file(path, "the file"), path);
    if (!document.is_object() || document.contains("target")) return false;
    return document.contains("base_url") || document.contains("mysql") ||
           document.contains("redis");
}

/// The rendered request taken apart for libcurl, which writes Content-Length itself.
HttpCall call_of(const std::string& request, const EndpointSpec& endpoint) {
    const std::size_t line_end = request.find("\r\n");
    const std::size_t head_end = request.find("\r\n\r\n");
    const std::string first = request.substr(0, line_end);
    const std::size_t path = first.find(' ') + 1;
    HttpCall call;
    call.method = first.substr(0, path - 1);
    call.transport = endpoint.transport;
    call.url =
        parse_base_url(endpoint.base_url).origin() + first.substr(path, first.rfind(' ') - path);
    for (std::size_t at = line_end + 2; at < head_end;) {
        const std::size_t end = request.find("\r\n", at);
        std::string line = request.substr(at, end - at);
        if (!line.starts_with("Content-Length:")) call.headers.push_back(std::move(line));
        at = end + 2;
    }
    call.body = request.substr(head_end + 4);
    return call;
}

/// The answer's headers as a transport would have kept them.
std::string kept_headers(const HttpAnswer& answer, const HeaderNames& wanted) {
    std::string kept;
    for (std::size_t at = 0; at < answer.headers.size();) {
        const std::size_t end = std::min(answer.headers.find('\n', at), answer.headers.size());
        std::string_view line = std::string_view(answer.headers).substr(at, end - at);
        at = end + 1;
        if (line.ends_with('\r')) line.remove_suffix(1);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        std::string_view value = line.substr(colon + 1);
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        keep_header(kept, wanted, line.substr(0, colon), value);
    }
    return kept;
}

/// One claim of a campaign, from its request to the last poll.
class Prober {
  public:
    Prober(const ProbeSubject& subject, const ProbeOptions& options)
        : endpoint_(subject.target.endpoint),
          order_(order_of(subject, options)),
          planned_{0, options.user - 1, 1},
          rules_(endpoint_.outcomes, endpoint_.fields) {}

    const UserSource& users() const { return *order_.users; }

    /// `fields`: those that a storm reads from its answer.
    ProbeExchange exchange(std::string request, const ResponseFields& fields) const {
        ProbeExchange made;
        made.request = std::move(request);
        made.answer = http_call(call_of(made.request, endpoint_), kBodyBytesMax);
        if (made.answer.is_cut) return made;  // a storm gives up a body that long
        const std::string headers = kept_headers(made.answer, rules_.wanted_headers());
        made.reading = rules_.read(static_cast<int>(made.answer.status), made.answer.body, headers);
        const Outcome outcome = made.reading.outcome;
        if (outcome == Outcome::granted || outcome == Outcome::pending ||
            outcome == Outcome::already_claimed) {
            made.fields = explain_fields(fields, outcome, made.answer.body, headers);
        }
        return made;
    }

    void claim(Probe& probe) const {
        probe.claim = exchange(request_text(order_, planned_), endpoint_.fields);
        const HttpAnswer& answer = probe.claim.answer;
        probe.rules =
            explain_rules(endpoint_.outcomes, static_cast<int>(answer.status), answer.body);
        probe.final_reading = probe.claim.reading;
    }

    /// Asks after a pending claim as a storm does, by the clock.
    void poll(Probe& probe, const std::atomic<bool>& stop) const {
        if (probe.claim.reading.outcome != Outcome::pending || !endpoint_.poll) return;
        const PollSpec& spec = *endpoint_.poll;
        PolledAttempt polled;
        polled.claim_id = probe.claim.reading.claim_id;
        polled.poll_id = probe.claim.reading.poll_id;
        const auto missing = id_missing(ids_needed(spec.request), polled.claim_id, polled.poll_id);
        if (!missing.empty()) {
            probe.poll_end =
                fmt::format("never asked: the answer to the claim carries no {}", missing);
            return;
        }
        const auto until = Clock::now() - probe.claim.answer.took + spec.until;
        for (int made = 0; made < kPollsMax; ++made) {
            if (Clock::now() + spec.every >= until) break;
            wait(spec.every, stop);
            probe.polls.push_back(poll_once(polled));
            const ProbeExchange& asked = probe.polls.back();
            if (!asked.error.empty() ||
                !settle_by_poll(polled, asked.reading, static_cast<int>(asked.answer.status), 0)) {
                continue;
            }
            probe.final_reading = asked.reading;
            probe.poll_end = fmt::format("told by poll {}", probe.polls.size());
            return;
        }
        probe.poll_end = fmt::format("still open after {}: a storm records it as pending",
                                     format_duration(spec.until));
    }

  private:
    static void wait(std::chrono::nanoseconds span, const std::atomic<bool>& stop) {
        constexpr std::chrono::nanoseconds kSlice = std::chrono::milliseconds(50);
        const auto end = Clock::now() + span;
        while (Clock::now() < end) {
            if (stop) throw Interrupted("interrupted while the claim was pending");
            std::this_thread::sleep_for(
                std::min<std::chrono::nanoseconds>(kSlice, end - Clock::now()));
        }
    }

    static StormOrder order_of(const ProbeSubject& subject, const ProbeOptions& options) {
        StormOrder order;
        order.endpoint = subject.target.endpoint;
        order.campaign = subject.campaign.id;
        order.users = make_user_source(order.endpoint, options.user);
        return order;
    }

    ProbeExchange poll_once(const PolledAttempt& polled) const {
        std::string request = poll_text(order_, planned_, polled.claim_id, polled.poll_id);
        try {
            ResponseFields fields = endpoint_.fields;
            fields.poll_id = {};  // asked by the one that the claim's answer told
            return exchange(request, fields);
        } catch (const EnvironmentError& error) {
            ProbeExchange failed;
            failed.request = std::move(request);
            failed.error = error.what();
            return failed;
        }
    }

    const EndpointSpec& endpoint_;
    StormOrder order_;
    PlannedAttempt planned_;
    OutcomeRules rules_;
};

void tell(const ProbeOptions& options, std::string_view what) {
    if (options.on_phase) options.on_phase(what);
}

/// There is no service to claim from: how its stores are read is all that can be shown.
Probe probe_stores(const ProbeSubject& subject, const ProbeOptions& options) {
    Probe probe;
    probe.is_sent = false;
    probe.campaign = subject.campaign.id;
    probe.user =
        make_user_source(subject.target.endpoint, options.user)->reader()->read(options.user).name;
    if (options.prepare) {
        tell(options, "running the prepare steps");
        prepare_target(subject.target, subject.campaign);
    }
    tell(options, "reading the stores");
    probe.evidence =
        EvidenceProbe(subject.target.evidence, subject.campaign, probe.user).read_once();
    return probe;
}

}  // namespace

bool Probe::is_evidence_read() const {
    return std::all_of(evidence.begin(), evidence.end(),
                       [](const ProbeEvidence& seen) { return seen.is_read(); });
}

bool Probe::is_understood() const {
    return (!is_sent || final_reading.matched) && is_evidence_read();
}

ProbeSubject load_probe_subject(const std::string& path, const ProbeOptions& options) {
    ProbeSubject subject;
    if (is_target_file(path)) {
        subject.target = load_target_file(path);
        subject.timeout = StormSpec{}.timeout;
        constexpr std::int64_t kStockDefault = 100;
        subject.campaign.stock = kStockDefault;
        const bool is_named =
            target_to_json(subject.target).dump().find("{campaign}") != std::string::npos;
        if (is_named && !options.campaign) {
            throw UsageError(fmt::format(
                "{} speaks of {{campaign}}: say which with --campaign, or probe a scenario", path));
        }
    } else {
        Scenario scenario = load_scenario(path);
        if (std::holds_alternative<NoTarget>(scenario.target)) {
            throw UsageError(
                fmt::format("{} names no service to send a claim to, and no stores to read", path));
        }
        auto* target = std::get_if<Target>(&scenario.target);
        if (target == nullptr) {
            throw UsageError(fmt::format(
                "{} starts a service of its own for each run; probe the target file of one that is "
                "running (claimstorm-server --announce prints its own)",
                path));
        }
        subject.target = std::move(*target);
        subject.campaign = scenario.campaign;
        subject.timeout = scenario.storm.timeout;
    }
    if (options.campaign) subject.campaign.id = *options.campaign;
    if (options.stock) subject.campaign.stock = *options.stock;
    return subject;
}

Probe run_probe(const ProbeSubject& subject, const ProbeOptions& options,
                const std::atomic<bool>& stop) {
    if (subject.target.stores_only) return probe_stores(subject, options);
    const Prober prober(subject, options);
    Probe probe;
    probe.base_url = subject.target.endpoint.base_url;
    probe.campaign = subject.campaign.id;
    probe.timeout = subject.timeout;
    probe.user = prober.users().reader()->read(options.user).name;
    if (options.prepare) {
        tell(options, "running the prepare steps");
        prepare_target(subject.target, subject.campaign);
    }
    EvidenceProbe evidence(subject.target.evidence, subject.campaign, probe.user);
    tell(options, "reading the stores");
    evidence.read_before();
    tell(options, "sending one claim");
    prober.claim(probe);
    prober.poll(probe, stop);
    probe.evidence = evidence.read_after();
    return probe;
}

}  // namespace claimstorm
