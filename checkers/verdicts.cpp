#include "checkers/verdicts.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/units.h"

namespace claimstorm {
namespace {

Finding finding_of(std::string_view check, Verdict verdict, std::string summary) {
    Finding finding;
    finding.check = check;
    finding.verdict = verdict;
    finding.summary = std::move(summary);
    return finding;
}

}  // namespace

Finding holds(std::string_view check, std::string summary) {
    return finding_of(check, Verdict::holds, std::move(summary));
}

Finding violated(std::string_view check, std::string summary) {
    return finding_of(check, Verdict::violated, std::move(summary));
}

Finding inconclusive(std::string_view check, std::string why) {
    return finding_of(check, Verdict::inconclusive, std::move(why));
}

Finding skipped(std::string_view check, std::string why) {
    return finding_of(check, Verdict::skipped, std::move(why));
}

std::string counted(std::int64_t number, std::string_view noun) {
    return fmt::format("{} {}{}", with_commas(number), noun, number == 1 ? "" : "s");
}

std::string term(std::int64_t number) {
    return number < 0 ? fmt::format("({})", with_commas(number)) : with_commas(number);
}

std::optional<Finding> unless_settled(std::string_view check, const Evidence& evidence) {
    if (evidence.settlement.settled) return std::nullopt;
    return inconclusive(check, "the stores had not settled: " + evidence.settlement.why_not);
}

std::string why_no_rows(const Evidence& evidence) {
    const auto& ledger = evidence.after.ledger;
    if (!ledger.is_named()) return "the target names no claims query";
    if (!ledger.is_read()) return "the claims query could not be read: " + ledger.why();
    if (!evidence.settlement.settled) {
        return "the stores had not settled: " + evidence.settlement.why_not;
    }
    return "";
}

std::optional<Finding> unless_recorded(std::string_view check, const Evidence& evidence) {
    if (!evidence.history.attempts.empty()) return std::nullopt;
    if (evidence.history.origin == HistoryOrigin::none) {
        return skipped(check, "there is no history: the stores were audited alone");
    }
    if (evidence.history.missing_tail.empty()) return skipped(check, "no attempt was recorded");
    return inconclusive(check, "no attempt could be read: " + evidence.history.missing_tail);
}

Finding unless_history_is_cut(const Evidence& evidence, Finding finding) {
    if (finding.verdict != Verdict::holds || evidence.history.missing_tail.empty()) return finding;
    finding.verdict = Verdict::inconclusive;
    finding.summary += but_history_is_cut(evidence);
    return finding;
}

std::string but_history_is_cut(const Evidence& evidence) {
    if (evidence.history.missing_tail.empty()) return "";
    return "; but the history is cut: " + evidence.history.missing_tail;
}

std::optional<Finding> unless_names_differ(std::string_view check, const Evidence& evidence) {
    constexpr std::size_t kSeveral = 3;
    const ClaimRowList& rows = evidence.after.ledger->rows;
    std::vector<bool> took_part(evidence.users.size(), false);
    std::size_t grants = 0;
    UserId granted_user = 0;
    for (const Attempt& attempt : evidence.history.attempts) {
        took_part[attempt.user] = true;
        if (attempt.outcome != Outcome::granted) continue;
        ++grants;
        granted_user = attempt.user;
    }
    if (grants < kSeveral || rows.size() < kSeveral) return std::nullopt;
    for (const ClaimRow& row : rows) {
        if (took_part[row.user]) return std::nullopt;
    }
    return inconclusive(
        check,
        fmt::format("not one of {} rows is of a user of the storm: the column user says '{}', "
                    "the storm says '{}'; make the claims query and users.template agree",
                    rows.size(), evidence.users.name(rows.front().user),
                    evidence.users.name(granted_user)));
}

}  // namespace claimstorm
