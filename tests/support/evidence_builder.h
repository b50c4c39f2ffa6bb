#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/evidence.h"
#include "model/finding.h"

namespace claimstorm::test {

/// Evidence spelled out as a story: `storm(100).grant("u1", "7").row("u1", "7").cache(99)`.
/// To begin with the stores are settled, the claims query is named and returns nothing, before and
/// after; no counter, backlog or user set is named. Each attempt ends one microsecond after the
/// one before it.
class EvidenceBuilder {
  public:
    explicit EvidenceBuilder(std::int64_t stock) {
        evidence_.campaign.id = "c1";
        evidence_.campaign.stock = stock;
        evidence_.before.ledger = Ledger{};
        evidence_.after.ledger = Ledger{};
        evidence_.settlement.settled = true;
    }

    EvidenceBuilder& per_user(std::int64_t limit) {
        evidence_.campaign.per_user = limit;
        return *this;
    }

    EvidenceBuilder& attempt(std::string_view user, Outcome outcome, std::string_view id = "") {
        Attempt attempt;
        attempt.user = evidence_.users.intern(user);
        attempt.outcome = outcome;
        attempt.claim_id = text(id);
        const auto now = static_cast<TimeNs>(evidence_.history.attempts.size()) * 1000;
        attempt.due_ns = now;
        if (outcome != Outcome::not_sent) attempt.sent_ns = now;
        if (outcome != Outcome::not_sent && !is_indeterminate(outcome)) {
            attempt.done_ns = now + 1000;
        }
        evidence_.history.attempts.push_back(attempt);
        return *this;
    }
    /// What the builder has no word for: `change_last([](Attempt& a) { a.sent_ns = 5; })`.
    template <typename Change>
    EvidenceBuilder& change_last(Change&& change) {
        AttemptList& attempts = evidence_.history.attempts;
        attempts.update(attempts.size() - 1, std::forward<Change>(change));
        return *this;
    }
    EvidenceBuilder& grant(std::string_view user, std::string_view id = "") {
        return attempt(user, Outcome::granted, id);
    }
    EvidenceBuilder& refuse(std::string_view user, Outcome outcome = Outcome::sold_out) {
        return attempt(user, outcome);
    }
    EvidenceBuilder& lose_reply(std::string_view user) { return attempt(user, Outcome::unknown); }

    /// Users named prefix0, prefix1 …, each granted the claim of the number that follows
    /// `first_id`.
    EvidenceBuilder& grants(int number, std::string_view prefix, int first_id) {
        for (int i = 0; i < number; ++i) {
            grant(std::string(prefix) + std::to_string(i), std::to_string(first_id + i));
        }
        return *this;
    }
    EvidenceBuilder& rows(int number, std::string_view prefix, int first_id) {
        for (int i = 0; i < number; ++i) {
            row(std::string(prefix) + std::to_string(i), std::to_string(first_id + i));
        }
        return *this;
    }
    /// Grants with their rows: what a sound service leaves behind.
    EvidenceBuilder& sold(int number, std::string_view prefix = "u", int first_id = 1) {
        return grants(number, prefix, first_id).rows(number, prefix, first_id);
    }

    /// A row of the final snapshot.
    EvidenceBuilder& row(std::string_view user, std::string_view id = "") {
        evidence_.after.ledger.value().rows.push_back(claim_row(user, id));
        return *this;
    }
    /// A row of the baseline that was gone at the end.
    EvidenceBuilder& deleted_row(std::string_view user, std::string_view id = "") {
        evidence_.before.ledger.value().rows.push_back(claim_row(user, id));
        return *this;
    }
    /// A row from before the storm.
    EvidenceBuilder& old_row(std::string_view user, std::string_view id = "") {
        return deleted_row(user, id).row(user, id);
    }

    /// The last attempt's answer named this amount, this ticket.
    EvidenceBuilder& told_cents(std::int64_t cents) {
        change_attempt([&](Attempt& attempt) { attempt.amount_cents = cents; });
        return *this;
    }
    EvidenceBuilder& told_ticket(std::int64_t ticket) {
        change_attempt([&](Attempt& attempt) { attempt.ticket = ticket; });
        return *this;
    }
    /// The last row of the final snapshot carries this amount, this ticket.
    EvidenceBuilder& cents(std::int64_t cents) {
        change_row([&](ClaimRow& row) { row.amount_cents = cents; });
        return *this;
    }
    EvidenceBuilder& ticket(std::int64_t ticket) {
        change_row([&](ClaimRow& row) { row.ticket = ticket; });
        return *this;
    }
    EvidenceBuilder& budget(std::int64_t cents) {
        evidence_.campaign.kind = CampaignKind::envelope;
        evidence_.campaign.budget_cents = cents;
        return *this;
    }
    EvidenceBuilder& payout(std::string_view id, std::int64_t cents, std::string_view user = "") {
        if (!evidence_.after.payouts.is_read()) evidence_.after.payouts = Payouts{};
        const UserId to = user.empty() ? kNoUser : evidence_.users.intern(user);
        evidence_.after.payouts.value().rows.push_back({text(id), cents, to});
        return *this;
    }

    EvidenceBuilder& cache_users(std::initializer_list<std::string_view> names) {
        evidence_.after.cache_users = ids_of(names);
        return *this;
    }
    EvidenceBuilder& old_cache_users(std::initializer_list<std::string_view> names) {
        evidence_.before.cache_users = ids_of(names);
        return *this;
    }
    EvidenceBuilder& sold_out(bool flag) {
        evidence_.after.sold_out = flag;
        return *this;
    }
    /// The lock patterns are named; these locks are held before and after the storm.
    EvidenceBuilder& locks(std::vector<LockSeen> before, std::vector<LockSeen> after) {
        evidence_.before.locks = std::move(before);
        evidence_.after.locks = std::move(after);
        return *this;
    }

    EvidenceBuilder& remaining(std::int64_t value) {
        evidence_.after.remaining = value;
        return *this;
    }
    EvidenceBuilder& cache(std::int64_t value) {
        evidence_.after.cache_remaining = value;
        return *this;
    }
    EvidenceBuilder& backlog(std::int64_t value) {
        evidence_.after.backlog = value;
        return *this;
    }

    /// The stores were watched: a sample read from `begun` to `ended`, of so many rows.
    EvidenceBuilder& sample(TimeNs begun, TimeNs ended, std::int64_t rows) {
        return sample_unread(begun, ended, rows);
    }
    EvidenceBuilder& sample_unread(TimeNs begun, TimeNs ended, Reading<std::int64_t> rows) {
        if (!evidence_.samples) evidence_.samples.emplace();
        StoreSample sample;
        sample.begun_ns = begun;
        sample.ended_ns = ended;
        sample.rows = std::move(rows);
        evidence_.samples->push_back(sample);
        return *this;
    }
    /// What the last sample shows of the backlog, before the rows and after them.
    EvidenceBuilder& queued(std::int64_t before, std::int64_t after) {
        evidence_.samples->back().backlog_before = before;
        evidence_.samples->back().backlog_after = after;
        return *this;
    }
    EvidenceBuilder& queued(std::int64_t both) { return queued(both, both); }
    EvidenceBuilder& cached(std::int64_t remaining) {
        evidence_.samples->back().cache_remaining = remaining;
        return *this;
    }

    EvidenceBuilder& no_claims_query() {
        evidence_.before.ledger = {};
        evidence_.after.ledger = {};
        return *this;
    }
    EvidenceBuilder& claims_unreadable(std::string why) {
        evidence_.after.ledger = Unreadable{std::move(why)};
        return *this;
    }
    EvidenceBuilder& no_baseline() {
        evidence_.before = {};
        return *this;
    }
    EvidenceBuilder& baseline_unreadable(std::string why) {
        evidence_.before.ledger = Unreadable{std::move(why)};
        return *this;
    }
    EvidenceBuilder& unsettled(std::string why) {
        evidence_.settlement.settled = false;
        evidence_.settlement.why_not = std::move(why);
        return *this;
    }
    EvidenceBuilder& history_cut(std::string what) {
        evidence_.history.missing_tail = std::move(what);
        return *this;
    }

    /// For what the story has no word for.
    Evidence& raw() { return evidence_; }
    operator const Evidence&() const { return evidence_; }  // NOLINT: reads as evidence

  private:
    template <typename Change>
    void change_attempt(Change&& change) {
        AttemptList& attempts = evidence_.history.attempts;
        attempts.update(attempts.size() - 1, std::forward<Change>(change));
    }
    template <typename Change>
    void change_row(Change&& change) {
        ClaimRowList& rows = evidence_.after.ledger.value().rows;
        rows.update(rows.size() - 1, std::forward<Change>(change));
    }
    TextRef text(std::string_view id) { return id.empty() ? kNoText : evidence_.texts.add(id); }
    std::vector<UserId> ids_of(std::initializer_list<std::string_view> names) {
        std::vector<UserId> ids;
        for (const std::string_view name : names) ids.push_back(evidence_.users.intern(name));
        return ids;
    }
    ClaimRow claim_row(std::string_view user, std::string_view id) {
        ClaimRow row;
        row.user = evidence_.users.intern(user);
        row.claim_id = text(id);
        return row;
    }

    Evidence evidence_;
};

inline EvidenceBuilder storm(std::int64_t stock) {
    return EvidenceBuilder(stock);
}

/// The last attempt lasted from `sent` to `done`, in microseconds; where it was never answered, it
/// only began then.
inline EvidenceBuilder& during(EvidenceBuilder& story, TimeNs sent, TimeNs done) {
    return story.change_last([&](Attempt& attempt) {
        attempt.sent_ns = sent * 1000;
        if (attempt.done_ns != kNever) attempt.done_ns = done * 1000;
    });
}

using Figures = std::map<std::string, std::int64_t>;

/// A finding's figures by name, to be compared all at once.
inline Figures figures(const Finding& finding) {
    Figures figures;
    for (const Figure& figure : finding.figures) figures[figure.name] = figure.value;
    return figures;
}

/// Whether the summary says these words.
inline bool says(const Finding& finding, std::string_view words) {
    return finding.summary.find(words) != std::string::npos;
}

/// What the witnesses say, one behind the other.
inline std::vector<std::string> sentences(const Finding& finding) {
    std::vector<std::string> sentences;
    for (const Witness& witness : finding.witnesses) sentences.push_back(witness.what);
    return sentences;
}

}  // namespace claimstorm::test
