// Property: d <= S, where d counts every row of the campaign, those from before the storm included.
// Definite: a committed row is a promise kept to somebody.
// Needs: the claims query, settled stores. The history only says what the witnesses were told, so a
// cut history changes nothing; a missing baseline leaves out the figure rows_before.
// Cannot see: rows deleted between the storm and the snapshot.
#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/told.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "oversell";

/// The rows' claim ids as numbers; empty unless every one of them is a number.
std::vector<std::uint64_t> numeric_ids(const Evidence& evidence) {
    const auto& rows = evidence.after.ledger->rows;
    std::vector<std::uint64_t> ids(rows.size());
    for (std::size_t at = 0; at < rows.size(); ++at) {
        const std::string_view text = evidence.texts.view(rows[at].claim_id);
        const char* end = text.data() + text.size();
        const auto [rest, error] = std::from_chars(text.data(), end, ids[at]);
        if (error != std::errc{} || rest != end) return {};
    }
    return ids;
}

/// The first rows beyond the stock, as many as are kept as witnesses: in the order of the claim ids
/// when these are numbers, as most databases number their rows, else in the order of the query.
std::vector<ByUser::Index> rows_beyond(const Evidence& evidence, std::size_t stock) {
    std::vector<ByUser::Index> order(evidence.after.ledger->rows.size());
    std::iota(order.begin(), order.end(), ByUser::Index{0});
    const auto beyond = order.begin() + static_cast<std::ptrdiff_t>(stock);
    const std::size_t kept = std::min(order.size() - stock, kWitnessesKept);
    const auto end = beyond + static_cast<std::ptrdiff_t>(kept);
    if (const auto ids = numeric_ids(evidence); !ids.empty()) {
        const auto by_id = [&](ByUser::Index left, ByUser::Index right) {
            return std::pair(ids[left], left) < std::pair(ids[right], right);
        };
        std::nth_element(order.begin(), beyond, order.end(), by_id);
        std::partial_sort(beyond, end, order.end(), by_id);
    }
    return {beyond, end};
}

void add_witnesses(const Evidence& evidence, std::size_t stock, Finding& finding) {
    const auto& rows = evidence.after.ledger->rows;
    const std::vector<ByUser::Index> beyond = rows_beyond(evidence, stock);
    std::vector<UserId> users;
    users.reserve(beyond.size());
    for (const ByUser::Index at : beyond) users.push_back(rows[at].user);
    const AttemptsOf attempts(evidence, users);
    for (const ByUser::Index at : beyond) {
        finding.add_witness([&] {
            const ClaimRow& row = rows[at];
            Witness witness;
            witness.user = evidence.users.name(row.user);
            const std::string_view id = evidence.texts.view(row.claim_id);
            if (!id.empty()) witness.claim_ids.emplace_back(id);
            witness.attempts = attempts.listed(row.user);
            witness.what = fmt::format("{} holds {} and {}", witness.user,
                                       id.empty() ? "a row" : fmt::format("claim {}", id),
                                       attempts.what_was_told(row.user));
            return witness;
        });
    }
    finding.witness_count = rows.size() - stock;
}

}  // namespace

Finding check_oversell(const Evidence& evidence) {
    const auto& ledger = evidence.after.ledger;
    if (auto finding = unless_read(kName, ledger, "claims query")) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const auto rows = static_cast<std::int64_t>(ledger->rows.size());
    const std::int64_t excess = std::max<std::int64_t>(0, rows - stock);
    const auto& baseline = evidence.before.ledger;
    const std::int64_t rows_before =
        baseline.is_read() ? static_cast<std::int64_t>(baseline->rows.size()) : 0;

    std::string summary =
        fmt::format("{} for a stock of {}", counted(rows, "claim"), with_commas(stock));
    if (excess > 0) summary += fmt::format(": {} too many", with_commas(excess));
    if (rows_before > 0) {
        summary += fmt::format("; {} stood there before the storm", with_commas(rows_before));
    }
    Finding finding = excess > 0 ? violated(kName, summary) : holds(kName, summary);
    finding.figures = {{"stock", stock}, {"rows", rows}, {"excess", excess}};
    if (baseline.is_read()) finding.figures.push_back({"rows_before", rows_before});
    if (excess > 0) add_witnesses(evidence, static_cast<std::size_t>(stock), finding);
    return finding;
}

}  // namespace claimstorm
