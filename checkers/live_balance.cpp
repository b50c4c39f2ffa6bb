// Property: at every sample, with t0 and t1 the instants at which it began and ended, p0 the
// backlog before and d the new rows (less those from before the storm):
//   d <= claims that may have been asked for by t1                            (rows run ahead)
//   claims told before t0 <= p0 + d + what is nobody's at rest                (answers run ahead)
// Rows ahead: definite when there are more than attempts of any kind had been sent: nobody had
// asked
//   for them. Possible when they stand for people who had been told no, or for a claim that has one
//   already: a service that takes rows back later has such rows for a moment, and a crash leaves
//   them.
//   The backlog is not added to the rows: a consumer that keeps an entry until its row is committed
//   has the claim in both for a moment, and a queue of requests holds those to be refused as well.
// Answers ahead: possible. People had been told yes, and neither a row nor the backlog had their
//   claims; later both had. What is not made up for at rest is lost_claims' business and is left
//   out, and so are units that may have been released (see `count_may_be_released`).
//   Without a backlog, or where its parts cannot be read at once, the service may keep claims where
//   nobody sees them: then the rows' lag is a figure and accuses nobody.
// Needs: samples, the claims query before and while the storm ran; for the answers also after it,
//   settled. A cut history may lack the attempts that asked for the rows: inconclusive. It never
//   makes answers run ahead.
// Cannot see: what happens between two samples; a queue that the target does not name beside one
//   that it names; a database that is read from a replica, whose lag looks like answers ahead.
#include "checkers/live_balance.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "checkers/at_samples.h"
#include "checkers/catalog.h"
#include "checkers/in_ms.h"
#include "checkers/verdicts.h"
#include "model/units.h"

namespace claimstorm {
namespace {

/// A sample whose rows ran ahead, or whose answers did.
struct Offence {
    std::size_t at = 0;
    std::int64_t rows = 0;    // new ones
    std::int64_t bound = 0;   // what they, or they and the backlog, are held against
    std::int64_t beyond = 0;  // by how many it is broken
};

struct Tally {
    std::int64_t judged = 0;  // samples with rows
    std::int64_t unread = 0;  // samples whose rows could not be read
    std::string why_unread;
    std::int64_t balanced = 0;         // samples of which the answers could be judged, too
    std::int64_t rows_behind = 0;      // the most claims told without a row
    std::vector<Offence> unasked;      // more rows than attempts
    std::vector<Offence> unexplained;  // more rows than claims that may have one
    std::vector<Offence> early;        // fewer rows and queued claims than had been told
    TimeNs early_for = 0;              // the longest that went on, at most
};

/// For how long answers ran ahead: from the last sample that was in balance to the next one.
class EarlySpan {
  public:
    explicit EarlySpan(TimeNs first_told) : since_(first_told) {}

    void add(const StoreSample& sample, bool is_early) {
        if (is_early) {
            is_open_ = true;
        } else {
            if (is_open_) longest_ = std::max(longest_, sample.ended_ns - since_);
            is_open_ = false;
            since_ = std::max(since_, sample.begun_ns);
        }
        last_ = sample.ended_ns;
    }
    TimeNs longest() const { return is_open_ ? std::max(longest_, last_ - since_) : longest_; }

  private:
    TimeNs since_;
    TimeNs last_ = 0;
    TimeNs longest_ = 0;
    bool is_open_ = false;
};

std::string why_unread(const Reading<std::int64_t>& rows) {
    return rows.is_named() ? rows.why() : "not asked for";
}

/// The answers are judged where it is known how many units may have been `released`.
Tally tally_samples(const Evidence& evidence, std::optional<std::int64_t> released) {
    const std::vector<StoreSample>& samples = *evidence.samples;
    const std::vector<AtSample> counts = count_at_samples(evidence);
    const auto rows_before = static_cast<std::int64_t>(evidence.before.ledger->rows.size());
    EarlySpan span(first_grant(evidence.history));
    Tally tally;
    for (std::size_t at = 0; at < samples.size(); ++at) {
        const StoreSample& sample = samples[at];
        const AtSample& count = counts[at];
        if (!sample.rows.is_read()) {
            if (tally.unread++ == 0) tally.why_unread = why_unread(sample.rows);
            continue;
        }
        ++tally.judged;
        const std::int64_t rows = *sample.rows - rows_before;
        tally.rows_behind = std::max(tally.rows_behind, count.told - rows);
        if (rows > count.sent) {
            tally.unasked.push_back({at, rows, count.sent, rows - count.sent});
        } else if (rows > count.asked) {
            tally.unexplained.push_back({at, rows, count.asked, rows - count.asked});
        }
        if (!released || !sample.backlog_before.is_read() || !sample.backlog_at_once) {
            continue;
        }
        ++tally.balanced;
        const std::int64_t stored = add_counts(rows, *sample.backlog_before);
        // Rows from before the storm may be gone as well: those are no answers.
        const std::int64_t early =
            std::min(count.surely_told, count.surely_told - add_counts(stored, *released));
        span.add(sample, early > 0);
        if (early > 0) tally.early.push_back({at, rows, count.surely_told, early});
    }
    tally.early_for = span.longest();
    return tally;
}

std::int64_t worst(const std::vector<Offence>& offences) {
    std::int64_t beyond = 0;
    for (const Offence& offence : offences) beyond = std::max(beyond, offence.beyond);
    return beyond;
}

void add_witnesses(const Evidence& evidence, const std::vector<Offence>& offences,
                   std::string_view what, std::string_view of_them, Finding& finding) {
    for (const Offence& offence : offences) {
        finding.add_witness([&] {
            const StoreSample& sample = (*evidence.samples)[offence.at];
            Witness witness;
            witness.what = fmt::format("sample {}, {:.1f} to {:.1f} ms after the release: {}",
                                       offence.at + 1, in_ms(sample.begun_ns),
                                       in_ms(sample.ended_ns), counted(offence.rows, "new row"));
            if (sample.backlog_before.is_read()) {
                witness.what += fmt::format(" and {} queued", with_commas(*sample.backlog_before));
            }
            witness.what += fmt::format(", {} {}", counted(offence.bound, what),
                                        fmt::format(fmt::runtime(of_them), offence.beyond));
            witness.key = fmt::format("samples.ndjson:{}", offence.at + 1);
            return witness;
        });
    }
}

/// Rounded up: it is said to be the most.
std::int64_t whole_ms(TimeNs time) {
    constexpr TimeNs kNsPerMs = 1'000'000;
    return (time + kNsPerMs - 1) / kNsPerMs;
}

Finding judge(const Evidence& evidence, const Tally& tally) {
    Finding finding = violated(kLiveBalance, "");
    std::vector<std::string> parts;
    if (!tally.unasked.empty()) {
        parts.push_back(fmt::format("{} stood beyond all attempts that had been sent",
                                    counted(worst(tally.unasked), "row")));
        add_witnesses(evidence, tally.unasked, "attempt", "sent by then: {} too many", finding);
    }
    if (!tally.unexplained.empty()) {
        parts.push_back(
            fmt::format("{} stood that no granted, unanswered or failed attempt explains",
                        counted(worst(tally.unexplained), "row")));
        add_witnesses(evidence, tally.unexplained, "claim",
                      "that can have one by then: {} too many", finding);
    }
    if (!tally.early.empty()) {
        parts.push_back(fmt::format(
            "{} told yes before a row or the backlog had {}, for {} ms at most: a crash "
            "then loses {}",
            counted(worst(tally.early), "claim"), worst(tally.early) == 1 ? "it" : "them",
            with_commas(whole_ms(tally.early_for)), worst(tally.early) == 1 ? "it" : "them"));
        add_witnesses(evidence, tally.early, "claim", "told before: {} of them nowhere", finding);
    }
    finding.strength = tally.unasked.empty() ? Strength::possible : Strength::definite;
    finding.summary = fmt::format("{}", fmt::join(parts, "; "));
    const bool of_rows_alone = tally.early.empty();
    if (of_rows_alone && !evidence.history.missing_tail.empty()) {
        finding.verdict = Verdict::inconclusive;
        finding.summary += but_history_is_cut(evidence);
    }
    return finding;
}

std::string in_balance(const Tally& tally, const std::string& why_not_balanced) {
    std::string summary =
        fmt::format("{}: no row before it was asked for", counted(tally.judged, "sample"));
    if (tally.balanced > 0) {
        summary += ", no yes before a row or the backlog had its claim";
    } else if (!why_not_balanced.empty()) {
        summary += fmt::format("; the rows were up to {} behind the answers, and {}",
                               with_commas(tally.rows_behind), why_not_balanced);
    }
    if (tally.unread > 0) {
        summary +=
            fmt::format("; {} without rows: {}", with_commas(tally.unread), tally.why_unread);
    }
    return summary;
}

/// Why the answers are not held against the stores.
struct Unbalanced {
    std::string why;          // empty: they are
    bool is_missing = false;  // evidence that is named cannot be used
};

Unbalanced why_not_balanced(const Evidence& evidence) {
    const std::vector<StoreSample>& samples = *evidence.samples;
    const auto any = [&samples](auto&& is) {
        return std::any_of(samples.begin(), samples.end(), is);
    };
    if (!any([](const StoreSample& sample) { return sample.backlog_before.is_named(); })) {
        return {"the target names no backlog in which those claims may have been"};
    }
    if (std::string why = why_no_rows(evidence); !why.empty()) return {std::move(why), true};
    if (!any([](const StoreSample& sample) { return sample.backlog_before.is_read(); })) {
        return {"the backlog could never be read", true};
    }
    if (!any([](const StoreSample& sample) {
            return sample.backlog_before.is_read() && sample.backlog_at_once;
        })) {
        return {"the parts of the backlog cannot be read at once"};
    }
    return {};
}

/// The finding to return when there is nothing to judge by.
std::optional<Finding> unless_watched(const Evidence& evidence) {
    if (!evidence.samples) {
        return skipped(kLiveBalance, "the stores were not watched: run it with --watch");
    }
    if (auto finding = unless_recorded(kLiveBalance, evidence)) return finding;
    if (auto finding = unless_read(kLiveBalance, evidence.after.ledger, "claims query");
        finding && finding->verdict == Verdict::skipped && evidence.audited) {
        return finding;
    }
    const auto& before = evidence.before.ledger;
    if (!before.is_read()) {
        return inconclusive(kLiveBalance,
                            before.is_named()
                                ? "the rows before the storm could not be read: " + before.why()
                                : "the rows before the storm are not known");
    }
    return std::nullopt;
}

}  // namespace

Finding check_live_balance(const Evidence& evidence) {
    if (auto finding = unless_watched(evidence)) return *finding;

    const Unbalanced unbalanced = why_not_balanced(evidence);
    std::optional<std::int64_t> released;
    if (unbalanced.why.empty()) released = count_may_be_released(evidence);
    const Tally tally = tally_samples(evidence, released);
    Finding finding;
    if (tally.judged == 0) {
        finding = inconclusive(kLiveBalance, tally.unread == 0
                                                 ? "no sample was taken"
                                                 : "no sample has rows: " + tally.why_unread);
    } else if (!tally.unasked.empty() || !tally.unexplained.empty() || !tally.early.empty()) {
        finding = judge(evidence, tally);
    } else if (unbalanced.is_missing) {
        finding = inconclusive(kLiveBalance, in_balance(tally, unbalanced.why));
    } else {
        finding =
            unless_history_is_cut(evidence, holds(kLiveBalance, in_balance(tally, unbalanced.why)));
    }
    finding.figures = {{"samples", static_cast<std::int64_t>(evidence.samples->size())},
                       {"judged", tally.judged},
                       {"unasked", worst(tally.unasked)},
                       {"unexplained", worst(tally.unexplained)},
                       {"early", worst(tally.early)},
                       {"early_ms", whole_ms(tally.early_for)},
                       {"rows_behind", tally.rows_behind}};
    return finding;
}

}  // namespace claimstorm
