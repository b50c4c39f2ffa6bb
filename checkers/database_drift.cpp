// Property: S - remaining = d, on the campaign's own row of the database. d counts every row, those
// from before the storm included. Definite: arithmetic on settled stores.
// Needs: the column `remaining` of the stock query, the claims query, settled stores.
// The sign of the drift (S - remaining - d) names the pattern:
//   below zero, remaining > 0   lost updates: an absolute write after a stale read
//   below zero, remaining = 0   an unchecked write: the guarded UPDATE matched no row
//   above zero                  decremented without a row: INSERT IGNORE, a swallowed duplicate key
//   zero, remaining < 0         the counter follows the rows below zero: nothing guards it (holds
//                               here, oversell says the rest)
// Cannot see: an oversell whose counter was decremented as often as rows were written; that is
// oversell's to find. A stock that differs between database and campaign is said, not judged.
#include <optional>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "database_drift";

std::optional<std::int64_t> drift_of(std::int64_t stock, const Snapshot& snapshot) {
    if (!snapshot.remaining.is_read() || !snapshot.ledger.is_read()) return std::nullopt;
    return stock - *snapshot.remaining - static_cast<std::int64_t>(snapshot.ledger->rows.size());
}

/// The pattern that such numbers usually name.
std::string pattern_of(std::int64_t drift, std::int64_t remaining) {
    if (drift > 0) {
        std::string pattern =
            fmt::format("{} decremented without a claim row", counted(drift, "unit"));
        if (remaining < 0)
            pattern += fmt::format(", the counter ran {} below zero", with_commas(-remaining));
        return pattern;
    }
    const std::string high = fmt::format("remaining is {} too high", with_commas(-drift));
    if (remaining > 0) return high + ": lost updates, an absolute write after a stale read";
    if (remaining == 0) {
        return high + ": an unchecked write, rows were stored although no unit was taken";
    }
    return high + ": rows were stored although no unit was taken";
}

}  // namespace

Finding check_database_drift(const Evidence& evidence) {
    const Snapshot& after = evidence.after;
    if (auto finding = unless_read(kName, after.remaining, "remaining column")) return *finding;
    if (auto finding = unless_read(kName, after.ledger, "claims query")) return *finding;
    if (auto finding = unless_settled(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const std::int64_t remaining = *after.remaining;
    const auto rows = static_cast<std::int64_t>(after.ledger->rows.size());
    const std::int64_t drift = stock - remaining - rows;
    const auto drift_before = drift_of(stock, evidence.before);

    const std::string sum = fmt::format("{} - {} remaining = {}", with_commas(stock),
                                        term(remaining), with_commas(stock - remaining));
    Finding finding = holds(kName, fmt::format("{}, as many as the {}", sum, counted(rows, "row")));
    if (drift != 0) {
        finding = violated(kName, fmt::format("{}, but {} stored: {}", sum, counted(rows, "row"),
                                              pattern_of(drift, remaining)));
        if (drift_before == drift) finding.summary += "; it was so before the storm";
        finding.add_witness([&] {
            Witness witness;
            witness.key = "mysql.stock.remaining";
            witness.what = fmt::format("mysql.stock.remaining is {} and should be {}",
                                       with_commas(remaining), with_commas(stock - rows));
            return witness;
        });
    } else if (remaining < 0) {
        finding.summary += "; it ran below zero, so nothing guards it";
    }
    if (after.stock.is_read() && *after.stock != stock) {
        finding.summary += fmt::format("; the database gives its stock as {}, the campaign as {}",
                                       with_commas(*after.stock), with_commas(stock));
    }
    finding.figures = {
        {"stock", stock}, {"remaining", remaining}, {"rows", rows}, {"drift", drift}};
    if (after.stock.is_read()) finding.figures.push_back({"database_stock", *after.stock});
    if (drift_before) finding.figures.push_back({"drift_before", *drift_before});
    return finding;
}

}  // namespace claimstorm
