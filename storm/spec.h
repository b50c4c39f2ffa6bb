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

/// Everybody at once: every user's first attempt is due at the release.
struct Burst {};

/// Open loop: attempts are due at even distances, whatever the service does.
struct ConstantRate {
    double per_second = 0;
};

/// Some users click again: `fraction` of them send `copies` attempts in all, the later ones up to
/// `within` behind the first, each on another connection.
struct DoubleClick {
    double fraction = 0;
    std::uint16_t copies = 2;
    std::chrono::nanoseconds within{0};
};

/// Who fires when. Together with a seed it determines the plan.
struct StormSpec {
    std::uint32_t users = 0;
    std::uint32_t connections = 0;
    std::uint32_t threads = 2;
    std::variant<Burst, ConstantRate> arrival;
    std::optional<DoubleClick> double_click;
    std::chrono::nanoseconds timeout = std::chrono::seconds(2);  ///< an attempt's, from its send
    /// How long past the last due time the storm may go on before what is left is not sent.
    std::chrono::nanoseconds overrun = std::chrono::seconds(30);
};

/// A request with placeholders: `{user}`, `{n}`, `{campaign}`, `{attempt}`, and the columns of the
/// users' CSV file.
struct RequestSpec {
    std::string method = "POST";
    std::string path = "/";
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    bool json_body = false;  ///< values put into the body are escaped as in a JSON string
};

/// How a claim that was answered `pending` is asked after: a request that only reads, and so may be
/// repeated. It knows `{claim_id}` besides, from the answer to the claim.
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

/// Where a granted response carries its numbers.
struct ResponseFields {
    FieldSource claim_id;
    FieldSource ticket;
    FieldSource amount_cents;
    FieldSource amount = {};  ///< or, instead, in whole units with at most two decimals: "1.23"
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
    std::string user_template = "u{n}";
    std::optional<CsvUsers> csv_users;  ///< then the template says nothing
    RequestSpec claim;
    std::optional<RequestSpec> warm_up;
    std::optional<PollSpec> poll;  ///< none: `pending` is the last that is heard of a claim
    std::vector<OutcomeRule> outcomes;
    ResponseFields fields;
};

}  // namespace claimstorm
