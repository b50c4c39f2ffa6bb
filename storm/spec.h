#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/outcome.h"

namespace claimstorm {

/// How much of each request of a burst leaves before the release.
enum class BurstGate : std::uint8_t {
    full,           ///< nothing: the whole request goes at the release
    last_byte,      ///< all but its last byte, so that the release is one byte a connection
    single_packet,  ///< HTTP/2: all but the frames that end the streams, which go in one write
};

/// Everybody at once: every user's first attempt is due at the release.
struct Burst {
    BurstGate gate = BurstGate::full;
};

/// Open loop: attempts are due at even distances, whatever the service does.
struct ConstantRate {
    double per_second = 0;
};

/// Open loop, as independent people arrive: exponential distances of mean 1 / rate.
struct PoissonRate {
    double per_second = 0;
};

/// A stretch of time in which the rate goes evenly from where it was to `per_second`.
struct Stage {
    std::chrono::nanoseconds span{0};  ///< 0: the rate jumps
    double per_second = 0;
};

/// Open loop with a rate that changes; it starts at 0.
struct Stages {
    std::vector<Stage> stages;
};

/// Each connection is a person: the next claim goes out `think_min` to `think_max` (drawn evenly)
/// after the answer to the one before.
struct ClosedLoop {
    std::chrono::nanoseconds think_min{0};
    std::chrono::nanoseconds think_max{0};
    /// No claim begins later than this after the release; 0: until every user has claimed.
    std::chrono::nanoseconds duration{0};
    /// Takes whoever comes until it is over, instead of every user once.
    bool is_open_ended() const noexcept { return duration.count() > 0; }
};

/// Every attempt is due when it was sent in a run before this one.
struct Replay {
    std::string run;  ///< the folder of that run
};

/// Whether a click or a retry carries its predecessor's idempotency key or a new one.
enum class KeyUse : std::uint8_t { same, fresh };

/// Some users click again: `fraction` of them send `copies` attempts in all, the later ones up to
/// `within` behind the first, each on another connection.
struct DoubleClick {
    double fraction = 0;
    std::uint16_t copies = 2;
    std::chrono::nanoseconds within{0};
    KeyUse key = KeyUse::same;
};

/// Users who try again after an answer they do not like: up to `times` more, `after` behind the
/// answer (or the time-out), give or take `jitter` of it.
struct Retry {
    std::uint16_t times = 1;
    std::chrono::nanoseconds after = std::chrono::milliseconds(100);
    double jitter = 0.1;
    std::vector<Outcome> on = {Outcome::unknown, Outcome::throttled};
    KeyUse key = KeyUse::same;
};

/// Users who lose their patience or their network: the connection is closed `after` the send.
struct HangUp {
    double fraction = 0;
    std::chrono::nanoseconds after{0};
};

/// The first `users` of the storm come `visits` times each, spread over the storm, all others once.
struct HotUsers {
    std::uint32_t users = 0;
    std::uint16_t visits = 2;
};

/// Who fires when. Together with a seed it determines the plan.
struct StormSpec {
    std::uint32_t users = 0;
    std::uint32_t connections = 0;
    std::uint32_t threads = 2;
    std::variant<Burst, ConstantRate, PoissonRate, Stages, ClosedLoop, Replay> arrival;
    std::optional<DoubleClick> double_click;
    std::optional<Retry> retry;
    std::optional<HangUp> hang_up;
    std::optional<HotUsers> hot;
    /// Campaigns that are stormed besides the one that is judged, which is the most wanted: the
    /// k-th most wanted gets a share in proportion to 1 / k^zipf.
    std::vector<std::string> other_campaigns;
    double zipf = 1.0;
    /// Local addresses that the connections are spread over, in turn; empty: the system's choice.
    std::vector<std::string> source_addresses;
    std::chrono::nanoseconds timeout = std::chrono::seconds(2);  ///< an attempt's, from its send
    /// How long past the last due time the storm may go on before what is left is not sent.
    std::chrono::nanoseconds overrun = std::chrono::seconds(30);

    /// How many times a visit clicks that clicks again.
    std::uint16_t copies() const noexcept { return double_click ? double_click->copies : 1; }
    /// How often an attempt may be tried again.
    std::uint16_t retries() const noexcept { return retry ? retry->times : 0; }
};

/// A request with placeholders: `{user}`, `{n}`, `{campaign}`, `{attempt}`, `{idempotency_key}`,
/// and the columns of the users' CSV file.
struct RequestSpec {
    std::string method = "POST";
    std::string path = "/";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool json_body = false;  ///< values put into the body are escaped as in a JSON string
};

/// How a claim that was answered `pending` is asked after: a request that only reads, and so may be
/// repeated. It knows `{claim_id}` and `{poll_id}` besides, from the answer to the claim.
struct PollSpec {
    RequestSpec request;
    std::chrono::nanoseconds every = std::chrono::milliseconds(50);  ///< from answer to next poll
    std::chrono::nanoseconds until = std::chrono::seconds(10);       ///< from the claim's send
};

/// HTTP statuses: single ones and classes such as 2xx, or any of several; empty: any status.
struct StatusSet {
    struct Range {
        int first = 0;
        int last = 0;
    };
    std::vector<Range> ranges;

    StatusSet() = default;
    StatusSet(std::nullopt_t) {}                           // NOLINT: "any", as nullopt is
    StatusSet(int status) : ranges({{status, status}}) {}  // NOLINT: one status is a set of one

    bool empty() const noexcept { return ranges.empty(); }
    bool contains(int status) const noexcept {
        if (ranges.empty()) return true;
        for (const Range& range : ranges) {
            if (range.first <= status && status <= range.last) return true;
        }
        return false;
    }
};

/// "When the response looks like this, the client was told that." All given parts must match.
struct OutcomeRule {
    StatusSet status;
    /// JSON pointer and the value expected there, as JSON text ("0", "\"ok\"", "true").
    std::vector<std::pair<std::string, std::string>> json;
    std::optional<std::string> body_regex;  ///< RE2 syntax, searched anywhere in the body
    Outcome is = Outcome::unknown;
};

/// Where an answer carries a value: at a JSON pointer, in a header, or as what the first group of
/// an RE2 expression takes from the body (or, with both, from the header).
struct FieldSource {
    std::string pointer;
    std::string regex;
    std::string header;

    FieldSource() = default;
    FieldSource(const char* json_pointer) : pointer(json_pointer) {}  // NOLINT: the usual
    FieldSource(std::string json_pointer) : pointer(std::move(json_pointer)) {}  // NOLINT: way
    static FieldSource of_regex(std::string expression) {
        FieldSource source;
        source.regex = std::move(expression);
        return source;
    }
    static FieldSource of_header(std::string name, std::string expression = {}) {
        FieldSource source;
        source.header = std::move(name);
        source.regex = std::move(expression);
        return source;
    }

    /// The answer carries no such value.
    bool empty() const noexcept { return pointer.empty() && regex.empty() && header.empty(); }
};

/// Where a response carries its numbers.
struct ResponseFields {
    FieldSource claim_id;
    FieldSource ticket;
    FieldSource amount_cents;
    FieldSource amount = {};   ///< or, instead, in whole units with at most two decimals: "1.23"
    FieldSource poll_id = {};  ///< what a pending claim is asked after by, where no claim id is
};

/// Who speaks HTTP for the storm.
enum class TransportKind : std::uint8_t {
    chosen,  ///< native where it speaks what the target asks for, else curl
    native,  ///< ours: HTTP/1.1, and HTTP/2 for `BurstGate::single_packet`
    curl,    ///< libcurl: slower a request, and speaks nearly everything
};

enum class HttpVersion : std::uint8_t { http1, http2, http3 };

/// What a TLS connection is made with. Empty paths: the system's authorities, no certificate.
struct TlsSpec {
    bool verify = true;       ///< false: any certificate is taken
    std::string ca;           ///< file of authorities, PEM
    std::string certificate;  ///< the client's, PEM
    std::string key;
};

/// How the service's address is talked to.
struct TransportSpec {
    TransportKind kind = TransportKind::chosen;
    HttpVersion version = HttpVersion::http1;
    std::string unix_socket;  ///< path; empty: TCP to the base URL's host
    std::string proxy;        ///< URL; empty: none, whatever the environment says
    TlsSpec tls;
};

/// Users out of a CSV file, one a row.
struct CsvUsers {
    std::string path;
    std::vector<std::string> columns;  ///< as the file's first row names them
    std::string name = "user";  ///< the column of the name under which the service knows them
};

/// How the service under test is reached and understood.
struct EndpointSpec {
    std::string base_url;  ///< "http://127.0.0.1:3000", a path prefix allowed
    TransportSpec transport;
    std::string user_template = "u{n}";
    std::optional<CsvUsers> csv_users;  ///< then the template says nothing
    RequestSpec claim;
    std::optional<RequestSpec> warm_up;
    std::optional<PollSpec> poll;  ///< none: `pending` is the last that is heard of a claim
    std::vector<OutcomeRule> outcomes;
    ResponseFields fields;
};

}  // namespace claimstorm
