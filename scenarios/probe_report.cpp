#include "scenarios/probe_report.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/units.h"

namespace claimstorm {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kBodyShown = 2000;
constexpr std::size_t kPollsShown = 5;
constexpr const char* kRealClaim = "a probe is a real claim: what it is given stays given";
constexpr const char* kUnsent = "the target names no service, so nothing was claimed";

/// How many bytes of well-formed UTF-8 that prints begin at `at`; 0 when none do.
std::size_t printable_at(std::string_view text, std::size_t at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n' || byte == '\t' || (byte >= 0x20 && byte < 0x7F)) return 1;
    const std::size_t length = byte >= 0xC2 && byte < 0xE0   ? 2
                               : byte >= 0xE0 && byte < 0xF0 ? 3
                               : byte >= 0xF0 && byte < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) return 0;
    }
    // U+0080 to U+009F steer terminals, as the bytes below 0x20 do.
    const bool is_control = byte == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    return is_control ? 0 : length;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = printable_at(text, at);
        if (length == 0) {
            const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[at]));
            if (byte != '\r' || at + 1 == text.size() || text[at + 1] != '\n') {
                fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
            }
            ++at;
        } else {
            out.append(text.substr(at, length));
            at += length;
        }
    }
    return out;
}

/// What came or goes over the wire, moved to the right.
std::string block(std::string_view text) {
    const bool is_long = text.size() > kBodyShown;
    std::string out = "  ";
    for (const char c : escaped(text.substr(0, kBodyShown))) {
        out.push_back(c);
        if (c == '\n') out += "  ";
    }
    while (!out.empty() && (out.back() == ' ' || out.back() == '\n')) out.pop_back();
    out.push_back('\n');
    if (is_long) out += fmt::format("  … and {} bytes more\n", text.size() - kBodyShown);
    return out;
}

std::string milliseconds(std::chrono::microseconds took) {
    return fmt::format("{:.1f} ms", static_cast<double>(took.count()) / 1000);
}

std::string reading_told(const ResponseReading& reading) {
    if (!reading.matched) return "unknown: no rule fits";
    return std::string(to_string(reading.outcome));
}

void add_answer(std::string& out, const Probe& probe) {
    const HttpAnswer& answer = probe.claim.answer;
    out += fmt::format("\nANSWER after {}\n", milliseconds(answer.took));
    out += block(answer.headers);
    out += answer.body.empty() ? "\n  (no body)\n" : "\n" + block(answer.body);
    if (answer.is_cut) {
        out += fmt::format("  … and more: a storm takes a body above {} bytes for unknown\n",
                           answer.body.size());
    }
    if (answer.took > probe.timeout) {
        out += fmt::format("  later than a storm waits ({}): it would record unknown\n",
                           format_duration(probe.timeout));
    }
}

void add_rules(std::string& out, const Probe& probe) {
    out += fmt::format("\nOUTCOME {}\n", reading_told(probe.claim.reading));
    bool is_told = false;
    for (std::size_t i = 0; i < probe.rules.size(); ++i) {
        const RuleExplained& rule = probe.rules[i];
        std::vector<std::string> parts;
        for (const PartExplained& part : rule.parts) {
            // Where a rule does not fit, only what keeps it from fitting is of interest.
            if (part.fits == rule.fits) parts.push_back(escaped(part.text));
        }
        if (rule.parts.empty()) parts.emplace_back("it fits any answer");
        const char* mark = !rule.fits ? "no   " : is_told ? "(yes)" : "yes  ";
        is_told |= rule.fits;
        out += fmt::format("  {} outcomes/{} {:<16} {}\n", mark, i, to_string(rule.is),
                           fmt::join(parts, "; "));
    }
}

void add_fields(std::string& out, const ProbeExchange& made) {
    if (made.fields.empty()) return;
    out += "\nFIELDS\n";
    for (const FieldExplained& field : made.fields) {
        out += fmt::format("  {:<12} {} ({})\n", field.name,
                           field.is_read ? escaped(field.text) : "not read: " + escaped(field.text),
                           escaped(field.source));
    }
}

void add_polls(std::string& out, const Probe& probe) {
    if (probe.poll_end.empty()) return;
    out += fmt::format("\nPOLLS {}\n", probe.poll_end);
    if (!probe.polls.empty()) out += block(probe.polls.front().request);
    for (std::size_t i = 0; i < probe.polls.size(); ++i) {
        const bool is_shown = i + 1 == probe.polls.size() || i < kPollsShown;
        if (i == kPollsShown && !is_shown) {
            out += fmt::format("  … {} more like these …\n", probe.polls.size() - kPollsShown - 1);
        }
        if (!is_shown) continue;
        const ProbeExchange& poll = probe.polls[i];
        if (!poll.error.empty()) {
            out += fmt::format("  {:>4}  {}\n", i + 1, poll.error);
            continue;
        }
        out += fmt::format("  {:>4}  {} after {}: {}\n", i + 1, poll.answer.status,
                           milliseconds(poll.answer.took), reading_told(poll.reading));
        if (i + 1 == probe.polls.size()) {
            out += block(poll.answer.body);
            add_fields(out, poll);
        }
    }
}

std::string told(const EvidenceTold& evidence) {
    return (evidence.is_read ? "" : "CANNOT BE READ: ") + escaped(evidence.text);
}

void add_evidence(std::string& out, const Probe& probe) {
    if (probe.evidence.empty()) {
        out += "\nEVIDENCE  the target names none: only what clients are told would be checked\n";
        return;
    }
    out += probe.is_sent ? "\nEVIDENCE around the claim\n" : "\nEVIDENCE as it is now\n";
    for (const ProbeEvidence& seen : probe.evidence) {
        const bool is_same = seen.before.text == seen.after.text;
        out += fmt::format("  {:<16} {}\n", seen.name, told(seen.before));
        if (!probe.is_sent) continue;
        out += fmt::format("  {:<16} {}\n", "", is_same ? "the same after it" : told(seen.after));
    }
}

std::int64_t number_of(const EvidenceTold& told, std::string_view name) {
    for (const auto& [key, number] : told.numbers) {
        if (key == name) return number;
    }
    return 0;
}

/// Where a grant brought rows and none of the user's: every check would look for that name in vain.
std::string remark_on_names(const Probe& probe) {
    if (probe.final_reading.outcome != Outcome::granted) return "";
    for (const ProbeEvidence& seen : probe.evidence) {
        if (seen.name != "mysql.claims") continue;
        const auto grown = [&seen](std::string_view name) {
            return number_of(seen.after, name) > number_of(seen.before, name);
        };
        if (!grown("rows") || grown("of_user")) return "";
        return fmt::format("; but no new row is {}'s: make the claims query and users agree",
                           escaped(probe.user));
    }
    return "";
}

std::string conclusion(const Probe& probe) {
    if (probe.is_sent && !probe.final_reading.matched) {
        return "the rules do not understand this answer: a storm would record it as unknown";
    }
    if (!probe.is_evidence_read()) {
        std::vector<std::string> names;
        for (const ProbeEvidence& seen : probe.evidence) {
            if (!seen.is_read()) names.push_back(seen.name);
        }
        return fmt::format("{} cannot be read: {}", fmt::join(names, ", "),
                           probe.is_sent ? "no storm would be fired"
                                         : "checks that need it would be inconclusive");
    }
    if (!probe.is_sent) return "all that the target names can be read: claimstorm audit judges it";
    return fmt::format("a storm would record {}; all that the target names can be read{}",
                       to_string(probe.final_reading.outcome), remark_on_names(probe));
}

ordered_json exchange_to_json(const ProbeExchange& made) {
    ordered_json json = {{"request", made.request}};
    if (!made.error.empty()) {
        json["error"] = made.error;
        return json;
    }
    json["status"] = made.answer.status;
    json["headers"] = made.answer.headers;
    json["body"] = made.answer.body;
    if (made.answer.is_cut) json["body_cut"] = true;
    json["took_us"] = made.answer.took.count();
    json["outcome"] = to_string(made.reading.outcome);
    json["matched"] = made.reading.matched;
    json["fields"] = ordered_json::object();
    for (const FieldExplained& field : made.fields) {
        json["fields"][field.name] = {
            {"source", field.source}, {"read", field.is_read}, {"text", field.text}};
    }
    return json;
}

ordered_json told_to_json(const EvidenceTold& evidence) {
    ordered_json json = {{"read", evidence.is_read}, {"text", evidence.text}};
    for (const auto& [name, number] : evidence.numbers) json[name] = number;
    return json;
}

ordered_json evidence_to_json(const Probe& probe) {
    ordered_json json = ordered_json::object();
    for (const ProbeEvidence& seen : probe.evidence) {
        if (probe.is_sent) {
            json[seen.name] = {{"before", told_to_json(seen.before)},
                               {"after", told_to_json(seen.after)}};
        } else {
            json[seen.name] = {{"now", told_to_json(seen.before)}};
        }
    }
    return json;
}

std::string dumped(const ordered_json& json) {
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string stores_text(const Probe& probe) {
    std::string out = fmt::format("the stores of campaign {}, read once ({})\n",
                                  escaped(probe.campaign), kUnsent);
    add_evidence(out, probe);
    out += fmt::format("\n{}\n", conclusion(probe));
    return out;
}

std::string stores_json(const Probe& probe) {
    return dumped({{"note", kUnsent},
                   {"campaign", probe.campaign},
                   {"user", probe.user},
                   {"evidence", evidence_to_json(probe)},
                   {"understood", probe.is_understood()}});
}

}  // namespace

std::string probe_text(const Probe& probe) {
    if (!probe.is_sent) return stores_text(probe);
    std::string out = fmt::format("{} claims from campaign {} at {} ({})\n", escaped(probe.user),
                                  escaped(probe.campaign), probe.base_url, kRealClaim);
    out += "\nREQUEST\n" + block(probe.claim.request);
    add_answer(out, probe);
    add_rules(out, probe);
    add_fields(out, probe.claim);
    add_polls(out, probe);
    add_evidence(out, probe);
    out += fmt::format("\n{}\n", conclusion(probe));
    return out;
}

std::string probe_json(const Probe& probe) {
    if (!probe.is_sent) return stores_json(probe);
    ordered_json json = {{"note", kRealClaim},
                         {"base_url", probe.base_url},
                         {"campaign", probe.campaign},
                         {"user", probe.user},
                         {"claim", exchange_to_json(probe.claim)}};
    json["rules"] = ordered_json::array();
    for (const RuleExplained& rule : probe.rules) {
        ordered_json one = {{"is", to_string(rule.is)}, {"fits", rule.fits}};
        one["parts"] = ordered_json::array();
        for (const PartExplained& part : rule.parts) {
            one["parts"].push_back({{"fits", part.fits}, {"text", part.text}});
        }
        json["rules"].push_back(std::move(one));
    }
    json["polls"] = ordered_json::array();
    for (const ProbeExchange& poll : probe.polls) json["polls"].push_back(exchange_to_json(poll));
    if (!probe.poll_end.empty()) json["poll_end"] = probe.poll_end;
    json["evidence"] = evidence_to_json(probe);
    json["outcome"] = to_string(probe.final_reading.outcome);
    json["understood"] = probe.is_understood();
    return dumped(json);
}

}  // namespace claimstorm
