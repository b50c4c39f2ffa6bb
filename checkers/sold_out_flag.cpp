// Property: the campaign is marked sold out exactly when its stock is spoken for:
// flag => d + p >= S, and d + p >= S => flag. d counts every row, those from before the storm
// included. Definite: a mark and a count, both at rest.
// Needs: the column `sold_out` of the stock query, the claims query, settled stores; the backlog
// where one is named.
//   Marked too early, units are left that nobody can claim. Not marked, everybody who comes late
//   walks through all the steps to be refused by a counter, or not to be refused.
//   With d < S <= d + p the consumer may set the mark when it stores the last queued claim: a mark
//   that is missing then is inconclusive.
// Cannot see: a mark that was wrong for a while and right at the end; a status column of other
// meaning (closed by hand, event over), whose query must not call it sold_out.
#include <algorithm>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/sold.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "sold_out_flag";

}  // namespace

Finding check_sold_out_flag(const Evidence& evidence) {
    const Snapshot& after = evidence.after;
    if (auto finding = unless_read(kName, after.sold_out, "sold_out column")) return *finding;
    if (auto finding = unless_sold_is_known(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const Sold sold = sold_at_rest(evidence);
    const std::int64_t left = std::max<std::int64_t>(0, stock - sold.units());
    const bool flag = *after.sold_out;
    const std::string state =
        fmt::format("{} for a stock of {}, {}", in_words(sold), with_commas(stock),
                    flag ? "marked sold out" : "not marked sold out");

    Finding finding = holds(kName, state);
    if (flag && left > 0) {
        finding = violated(kName, fmt::format("{}: {} cannot be claimed although free", state,
                                              counted(left, "unit")));
    } else if (!flag && sold.rows >= stock) {
        finding = violated(kName, state + ": nothing is left, and the status says it is");
    } else if (!flag && left == 0) {
        finding = inconclusive(kName, state + ": the last queued claim may yet set the mark");
    }
    if (finding.verdict == Verdict::violated) {
        const Snapshot& before = evidence.before;
        const bool wrong_before =
            before.sold_out.is_read() && before.ledger.is_read() && *before.sold_out == flag &&
            (static_cast<std::int64_t>(before.ledger->rows.size()) >= stock) != flag;
        if (wrong_before) finding.summary += "; it was so before the storm";
        finding.add_witness([&] {
            Witness witness;
            witness.key = "mysql.stock.sold_out";
            witness.what = fmt::format("mysql.stock.sold_out is {} and should be {}", flag ? 1 : 0,
                                       flag ? 0 : 1);
            return witness;
        });
    }
    finding.figures = {
        {"stock", stock}, {"rows", sold.rows}, {"left", left}, {"sold_out", flag ? 1 : 0}};
    if (after.backlog.is_read()) finding.figures.push_back({"backlog", sold.queued});
    return finding;
}

}  // namespace claimstorm
