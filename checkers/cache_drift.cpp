// Property: S - L - d - p = 0 at rest: every unit is in the cache, in a row, or in the queue.
// d counts every row, those from before the storm included. Definite: it is arithmetic on settled
// stores. Above zero units leaked; below zero the cache offers what is gone.
// Needs: the cache's counter, the claims query, settled stores; the backlog where one is named.
// The history only says whether lost replies could explain the size (|drift| <= i), which excuses
// nothing: at rest nobody is going to repair it. A cut history makes i a lower bound.
// Cannot see: two errors that cancel out; a drift already there before the storm is reported and
// said to be old.
#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "checkers/catalog.h"
#include "checkers/grants.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

constexpr std::string_view kName = "cache_drift";

/// The drift of a snapshot; nullopt when it lacks a part. A backlog that is not named counts 0.
std::optional<std::int64_t> drift_of(std::int64_t stock, const Snapshot& snapshot) {
    if (!snapshot.cache_remaining.is_read() || !snapshot.ledger.is_read()) return std::nullopt;
    if (snapshot.backlog.is_named() && !snapshot.backlog.is_read()) return std::nullopt;
    const std::int64_t queued = snapshot.backlog.is_read() ? *snapshot.backlog : 0;
    return stock - *snapshot.cache_remaining -
           static_cast<std::int64_t>(snapshot.ledger->rows.size()) - queued;
}

/// What a drift means for the people who still want something.
std::string meaning_of(std::int64_t drift, std::int64_t unsold, std::int64_t left) {
    if (drift > 0 && left < 0) {
        std::string meaning = fmt::format(
            "the cache ran {} below zero, decrements for refused claims were not restored",
            with_commas(-left));
        if (unsold > 0) meaning += fmt::format("; {} can never be sold", counted(unsold, "unit"));
        return meaning;
    }
    if (drift > 0) return fmt::format("units leaked: {} can never be sold", with_commas(drift));
    if (left > 0) {
        return fmt::format("oversell waiting to happen: the cache still offers {} that are gone",
                           counted(std::min(-drift, left), "unit"));
    }
    return fmt::format("{} passed the cache without taking a unit", counted(-drift, "claim"));
}

/// Whether lost replies could be the reason.
std::string explained_by(const Evidence& evidence, std::int64_t drift, std::int64_t indeterminate) {
    if (evidence.history.attempts.empty()) return "";
    const bool cut = !evidence.history.missing_tail.empty();
    if (std::abs(drift) <= indeterminate) {
        return fmt::format("; {} without an answer could explain it",
                           counted(indeterminate, "attempt"));
    }
    if (cut) return but_history_is_cut(evidence);
    return indeterminate == 0 ? "; every attempt was answered, so lost replies do not explain it"
                              : fmt::format("; {} without an answer cannot explain it",
                                            counted(indeterminate, "attempt"));
}

}  // namespace

Finding check_cache_drift(const Evidence& evidence) {
    const Snapshot& after = evidence.after;
    if (auto finding = unless_read(kName, after.cache_remaining, "cache counter")) return *finding;
    if (auto finding = unless_read(kName, after.ledger, "claims query")) return *finding;
    if (after.backlog.is_named()) {
        if (auto finding = unless_read(kName, after.backlog, "backlog")) return *finding;
    }
    if (auto finding = unless_settled(kName, evidence)) return *finding;

    const std::int64_t stock = evidence.campaign.stock;
    const std::int64_t left = *after.cache_remaining;
    const auto rows = static_cast<std::int64_t>(after.ledger->rows.size());
    const std::int64_t queued = after.backlog.is_read() ? *after.backlog : 0;
    const std::int64_t drift = stock - left - rows - queued;
    const std::int64_t indeterminate = count_indeterminate(evidence.history);
    const auto drift_before = drift_of(stock, evidence.before);

    const std::string sum = fmt::format(
        "{} - {} in the cache - {}{} = {}", with_commas(stock), term(left), counted(rows, "row"),
        queued != 0 ? fmt::format(" - {} queued", term(queued)) : "", with_commas(drift));
    Finding finding = holds(kName, sum);
    if (drift != 0) {
        finding = violated(
            kName, fmt::format("{}: {}", sum, meaning_of(drift, stock - rows - queued, left)));
        finding.summary += explained_by(evidence, drift, indeterminate);
        if (drift_before == drift) finding.summary += "; it was so before the storm";
        finding.add_witness([&] {
            Witness witness;
            witness.key = "redis.remaining";
            witness.what = fmt::format("redis.remaining is {} and should be {}", with_commas(left),
                                       with_commas(stock - rows - queued));
            return witness;
        });
    }
    finding.figures = {{"stock", stock}, {"cache_remaining", left},
                       {"rows", rows},   {"backlog", queued},
                       {"drift", drift}, {"indeterminate", indeterminate}};
    if (drift_before) finding.figures.push_back({"drift_before", *drift_before});
    return finding;
}

}  // namespace claimstorm
