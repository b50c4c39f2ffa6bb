#include "storm/history_export.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace claimstorm {
namespace {

std::string quoted(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"') out.push_back('"');
        out.push_back(c);
    }
    return out + "\"";
}

std::string number_unless(std::int64_t value, std::int64_t none) {
    return value == none ? std::string() : std::to_string(value);
}

}  // namespace

std::string to_ndjson(const ExportedAttempt& exported) {
    const Attempt& attempt = exported.attempt;
    nlohmann::ordered_json json = {{"index", exported.index},
                                   {"user", exported.user},
                                   {"attempt", attempt.number},
                                   {"outcome", to_string(attempt.outcome)}};
    const auto add = [&json](const char* key, std::int64_t value, std::int64_t none) {
        if (value != none) json[key] = value;
    };
    add("status", attempt.http_status, 0);
    if (attempt.transport_error != TransportError::none) {
        json["error"] = to_string(attempt.transport_error);
    }
    json["due_ns"] = attempt.due_ns;
    add("sent_ns", attempt.sent_ns, kNever);
    add("first_byte_ns", attempt.first_byte_ns, kNever);
    add("done_ns", attempt.done_ns, kNever);
    if (!exported.claim_id.empty()) json["claim_id"] = exported.claim_id;
    add("ticket", attempt.ticket, kNoNumber);
    add("amount_cents", attempt.amount_cents, kNoNumber);
    if (attempt.waited) json["waited"] = true;
    if (attempt.campaign != 0) json["other_campaign"] = attempt.campaign;
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_csv(const ExportedAttempt& exported) {
    const Attempt& attempt = exported.attempt;
    return fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}", exported.index, quoted(exported.user),
        attempt.number, to_string(attempt.outcome), number_unless(attempt.http_status, 0),
        attempt.transport_error == TransportError::none ? "" : to_string(attempt.transport_error),
        attempt.due_ns, number_unless(attempt.sent_ns, kNever),
        number_unless(attempt.first_byte_ns, kNever), number_unless(attempt.done_ns, kNever),
        quoted(exported.claim_id), number_unless(attempt.ticket, kNoNumber),
        number_unless(attempt.amount_cents, kNoNumber), attempt.waited ? 1 : 0, attempt.campaign);
}

std::string_view history_csv_header() {
    return "index,user,attempt,outcome,status,error,due_ns,sent_ns,first_byte_ns,done_ns,claim_id,"
           "ticket,amount_cents,waited,other_campaign";
}

}  // namespace claimstorm
